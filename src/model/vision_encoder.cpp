#include "model/vision_encoder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "model/attention.hpp"
#include "model/depthwise_conv.hpp"
#include "model/layer_norm.hpp"
#include "model/linear.hpp"

namespace ctclip {
namespace {

constexpr double kEps = 1e-5;

}  // namespace

VisionEncoder::VisionEncoder(ImageEncoderOptions const& options, ParameterSet const& parameters,
                             PrecisionPolicy const& policy)
    : options_(options),
      policy_(policy),
      spatial_(make_stack(parameters, "spatial", options.spatial_depth)),
      temporal_(make_stack(parameters, "temporal", options.temporal_depth)) {
    auto const get = [&](std::string const& name) { return parameters.at("visual_transformer." + name); };
    patch_embedding_ = {get("to_patch_emb.1.weight"), get("to_patch_emb.1.bias"),
                        get("to_patch_emb.2.weight"), get("to_patch_emb.2.bias"),
                        get("to_patch_emb.3.weight"), get("to_patch_emb.3.bias")};
    std::string const net = "spatial_rel_pos_bias.net.";
    position_bias_ = {get(net + "0.0.weight"), get(net + "0.0.bias"), get(net + "1.0.weight"),
                      get(net + "1.0.bias"),   get(net + "2.weight"), get(net + "2.bias")};
    embed_ = get("vq._codebook.embed").squeeze(0);
    cluster_size_ = get("vq._codebook.cluster_size").squeeze(0);
}

VisionEncoder::Layer VisionEncoder::make_layer(ParameterSet const& parameters, std::string const& prefix) {
    auto const get = [&](char const* name) { return parameters.at(prefix + name); };
    return {get("0.dsconv.weight"),
            get("0.dsconv.bias"),
            get("1.norm.gamma"),
            get("1.to_q.weight"),
            get("1.to_kv.weight"),
            get("1.to_out.weight"),
            get("1.q_scale"),
            get("1.k_scale"),
            {get("3.0.weight"), get("3.0.bias"), get("3.1.weight"), get("3.4.weight")}};
}

VisionEncoder::Stack VisionEncoder::make_stack(ParameterSet const& parameters, std::string const& name,
                                               std::int64_t depth) {
    std::string const root = "visual_transformer.enc_" + name + "_transformer.";
    Stack stack{name, {}, parameters.at(root + "norm_out.gamma")};
    for (std::int64_t i = 0; i < depth; ++i) {
        stack.layers.push_back(make_layer(parameters, fmt::format("{}layers.{}.", root, i)));
    }
    return stack;
}

void VisionEncoder::check(at::Tensor const& volume) const {
    bool const fits = volume.dim() == 5 && volume.size(1) == 1 && volume.size(2) > 0 &&
                      volume.size(2) % options_.temporal_patch_size == 0 &&
                      volume.size(3) == options_.image_height && volume.size(4) == options_.image_width;
    require(fits, ExitCode::kBadInput,
            "a volume of shape {} does not fit the image encoder, which needs (batch, 1, a multiple of {}, "
            "{}, {}). "
            "Check data.target_shape and model.image_encoder.",
            volume.sizes().vec(), options_.temporal_patch_size, options_.image_height, options_.image_width);
}

at::Tensor VisionEncoder::attention(Layer const& layer, at::Tensor const& x, at::Tensor const& bias) const {
    at::ScalarType const operand = policy_.of(Operation::kAttentionProduct);
    at::Tensor const query =
        norm_linear(x, layer.norm_gain, at::Tensor(), kEps, layer.to_query, policy_, operand);
    at::Tensor const key_value =
        linear(x, layer.to_key_value, at::Tensor(), policy_, operand);  // x un-normalised
    at::Tensor const attended =
        attend(CosineAttention{query, key_value, layer.query_scale, layer.key_scale, bias}, policy_);
    return linear(attended, layer.to_out, at::Tensor(), policy_, policy_.of(Operation::kResidual));
}

at::Tensor VisionEncoder::run(Stack const& stack, at::Tensor x, View const& view, at::Tensor const& bias,
                              StageObserver const& observer) const {
    std::vector<std::int64_t> sequences = view.sequences;
    sequences.push_back(options_.dim);
    for (std::size_t i = 0; i < stack.layers.size(); ++i) {
        Layer const& layer = stack.layers[i];
        std::string const stage = fmt::format("{}.layer{}.", stack.name, i);
        x = peg(x.view(view.grid), layer.peg_weight, layer.peg_bias, policy_).view(sequences);
        show(observer, stage + "after_peg", x);
        x = x + attention(layer, x, bias);
        show(observer, stage + "after_attention", x);
        x = feed_forward(x, layer.feed_forward, policy_);
        show(observer, stage + "out", x);
    }
    x = layer_norm(x, stack.norm_gain, at::Tensor(), kEps);
    show(observer, stack.name + ".out", x);
    return x;
}

EncodedVolume VisionEncoder::encode(at::Tensor const& volume, Mode mode,
                                    StageObserver const& observer) const {
    check(volume);
    at::Tensor x = patch_embedding(volume, options_.patch(), patch_embedding_, policy_);
    show(observer, "patch_embedding", x);
    std::int64_t const batch = x.size(0);
    std::int64_t const frames = x.size(1);
    std::int64_t const height = x.size(2);
    std::int64_t const width = x.size(3);
    std::int64_t const dim = x.size(4);
    std::vector<std::int64_t> const grid = {batch, frames, height, width, dim};

    at::Tensor const bias = position_bias(position_bias_, height, width, policy_);
    show(observer, "spatial_position_bias", bias);
    x = run(spatial_, x, {grid, {batch * frames, height * width}}, bias, observer);

    // Tokens in the order (b, h, w, t). The PEG of the temporal stack takes this memory for (b, t, h, w), as
    // the Python model does: published weights are trained with it.
    x = x.view(grid).permute({0, 2, 3, 1, 4}).contiguous();
    x = run(temporal_, x, {grid, {batch * height * width, frames}}, at::Tensor(), observer);
    x = x.view({batch, height, width, frames, dim}).permute({0, 3, 1, 2, 4}).contiguous();

    at::Tensor const rows = x.view({-1, dim}).to(policy_.of(Operation::kQuantiser));
    show(observer, "pre_vq", rows);
    at::Tensor const indices = nearest_codes(rows, embed_);
    EncodedVolume encoded;
    encoded.tokens = quantise(rows, indices, embed_).view(grid);
    encoded.indices = indices.view({batch, frames, height, width});
    if (mode == Mode::kTrain) {
        encoded.statistics = codebook_statistics(rows, indices, embed_.size(0));
    }
    show(observer, "vq_indices", encoded.indices);
    show(observer, "quantised", encoded.tokens);
    return encoded;
}

void VisionEncoder::update_codebook(CodebookStatistics const& statistics, at::Tensor const& skip) const {
    ctclip::update_codebook(embed_, cluster_size_, statistics, skip);
}

}  // namespace ctclip
