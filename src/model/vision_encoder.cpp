#include "model/vision_encoder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/trace.hpp"

namespace ctclip {

VisionEncoder::VisionEncoder(ImageEncoderOptions const& options, ParameterSet const& parameters,
                             PrecisionPolicy const& policy, Recompute recompute)
    : options_(options),
      policy_(policy),
      spatial_("spatial", options.spatial_depth, parameters, policy, recompute),
      temporal_("temporal", options.temporal_depth, parameters, policy, recompute) {
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
    {
        TraceScope const scope("spatial");
        x = spatial_.run(x, {grid, batch * frames, height * width}, bias, observer);
    }

    // Tokens in the order (b, h, w, t). The PEG of the temporal stack takes this memory for (b, t, h, w), as
    // the Python model does: published weights are trained with it.
    x = x.view(grid).permute({0, 2, 3, 1, 4}).contiguous();
    {
        TraceScope const scope("temporal");
        x = temporal_.run(x, {grid, batch * height * width, frames}, at::Tensor(), observer);
    }
    x = x.view({batch, height, width, frames, dim}).permute({0, 3, 1, 2, 4}).contiguous();
    return quantised(x, mode, observer);
}

EncodedVolume VisionEncoder::quantised(at::Tensor const& tokens, Mode mode,
                                       StageObserver const& observer) const {
    TraceScope const scope("codebook");
    at::Tensor const rows = tokens.view({-1, tokens.size(-1)}).to(policy_.of(Operation::kQuantiser));
    show(observer, "pre_vq", rows);
    at::Tensor const indices = nearest_codes(rows, embed_);
    EncodedVolume encoded;
    encoded.tokens = quantise(rows, indices, embed_).view(tokens.sizes());
    encoded.indices = indices.view(tokens.sizes().slice(0, 4));
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
