#include "model/text_encoder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/trace.hpp"
#include "base/splitmix64.hpp"
#include "model/dropout.hpp"
#include "model/layer_norm.hpp"
#include "model/row_lookup.hpp"

namespace ctclip {
namespace {

/// Gives every dropout site of one pass a seed of its own.
class DropoutSites {
  public:
    DropoutSites(std::optional<TextDropout> const& dropout, double probability)
        : dropout_(dropout.value_or(TextDropout{})), probability_(dropout ? probability : 0.0) {}

    DropoutKey embeddings() const { return key(0); }
    TextLayerDropout layer(std::size_t index) const {
        return {key(3 * index + 1), key(3 * index + 2), key(3 * index + 3)};
    }

  private:
    DropoutKey key(std::uint64_t site) const {
        return {splitmix64(dropout_.seed, site), dropout_.first_sample, probability_};
    }

    TextDropout dropout_;
    double probability_;
};

}  // namespace

TextEncoder::TextEncoder(TextEncoderOptions const& options, ParameterSet const& parameters,
                         PrecisionPolicy const& policy, Recompute recompute)
    : options_(options), recompute_(recompute) {
    auto const get = [&](char const* name) {
        return parameters.at(std::string("text_transformer.embeddings.") + name);
    };
    word_embeddings_ = get("word_embeddings.weight");
    position_embeddings_ = get("position_embeddings.weight");
    token_type_embeddings_ = get("token_type_embeddings.weight");
    norm_gain_ = get("LayerNorm.weight");
    norm_bias_ = get("LayerNorm.bias");
    for (std::int64_t i = 0; i < options.num_layers; ++i) {
        layers_.emplace_back(parameters, i, options, policy);
    }
}

at::Tensor TextEncoder::embed(at::Tensor const& ids) const {
    at::Tensor const words = look_up(word_embeddings_, ids);
    at::Tensor const fixed =
        position_embeddings_.narrow(0, 0, ids.size(1)) + token_type_embeddings_.select(0, 0);
    return layer_norm(words + fixed, norm_gain_, norm_bias_, kTextNormEps);
}

at::Tensor TextEncoder::run_layer(TextLayer const& layer, at::Tensor const& x, at::Tensor const& is_padding,
                                  TextLayerDropout const& dropout) const {
    if (recompute_ == Recompute::kNone) {
        return layer.run(x, is_padding, dropout);
    }
    return recomputed(
        [layer, is_padding, dropout](std::vector<at::Tensor> const& inputs) {
            return layer.run(inputs[0], is_padding, dropout);
        },
        {x}, layer.weights());
}

at::Tensor TextEncoder::encode(TextBatch const& batch, std::optional<TextDropout> const& dropout,
                               StageObserver const& observer) const {
    bool const fits =
        batch.ids.dim() == 2 && batch.ids.size(1) >= 1 && batch.ids.size(1) <= options_.max_positions;
    require(fits, ExitCode::kBadInput,
            "token ids of shape {} do not fit the text encoder, which needs (batch, 1 to {} tokens). Check "
            "model.text_encoder.max_length.",
            batch.ids.sizes().vec(), options_.max_positions);
    DropoutSites const sites(dropout, options_.dropout);
    at::Tensor const is_padding = batch.attention_mask.defined() ? batch.attention_mask.eq(0) : at::Tensor();
    at::Tensor x = ctclip::dropout(embed(batch.ids), sites.embeddings());
    show(observer, "text.embeddings", x);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        TraceScope const scope("layer", static_cast<std::int64_t>(i));
        x = run_layer(layers_[i], x, is_padding, sites.layer(i));
        show(observer, fmt::format("text.layer{}.out", i), x);
    }
    return x.select(1, 0);
}

}  // namespace ctclip
