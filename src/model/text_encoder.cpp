#include "model/text_encoder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "model/attention.hpp"
#include "model/dropout.hpp"
#include "model/layer_norm.hpp"
#include "model/linear.hpp"
#include "model/row_lookup.hpp"

namespace ctclip {
namespace {

constexpr double kEps = 1e-12;

}  // namespace

class TextEncoder::Dropper {
  public:
    Dropper(std::optional<TextDropout> const& dropout, double probability)
        : dropout_(dropout.value_or(TextDropout{})), probability_(dropout ? probability : 0.0) {}

    DropoutKey next_key() {
        return {splitmix64(dropout_.seed, site_++), dropout_.first_sample, probability_};
    }
    at::Tensor operator()(at::Tensor const& x) { return dropout(x, next_key()); }

  private:
    TextDropout dropout_;
    double probability_;
    std::uint64_t site_ = 0;
};

TextEncoder::TextEncoder(TextEncoderOptions const& options, ParameterSet const& parameters,
                         PrecisionPolicy const& policy)
    : options_(options), policy_(policy) {
    auto const get = [&](char const* name) {
        return parameters.at(std::string("text_transformer.embeddings.") + name);
    };
    word_embeddings_ = get("word_embeddings.weight");
    position_embeddings_ = get("position_embeddings.weight");
    token_type_embeddings_ = get("token_type_embeddings.weight");
    norm_gain_ = get("LayerNorm.weight");
    norm_bias_ = get("LayerNorm.bias");
    for (std::int64_t i = 0; i < options.num_layers; ++i) {
        layers_.push_back(make_layer(parameters, i));
    }
}

TextEncoder::Layer TextEncoder::make_layer(ParameterSet const& parameters, std::int64_t index) {
    std::string const prefix = fmt::format("text_transformer.encoder.layer.{}.", index);
    auto const get = [&](char const* name) { return parameters.at(prefix + name); };
    return {get("attention.self.query.weight"),
            get("attention.self.query.bias"),
            get("attention.self.key.weight"),
            get("attention.self.key.bias"),
            get("attention.self.value.weight"),
            get("attention.self.value.bias"),
            get("attention.output.dense.weight"),
            get("attention.output.dense.bias"),
            get("attention.output.LayerNorm.weight"),
            get("attention.output.LayerNorm.bias"),
            get("intermediate.dense.weight"),
            get("intermediate.dense.bias"),
            get("output.dense.weight"),
            get("output.dense.bias"),
            get("output.LayerNorm.weight"),
            get("output.LayerNorm.bias")};
}

at::Tensor TextEncoder::embed(TextBatch const& batch) const {
    at::Tensor const words = look_up(word_embeddings_, batch.ids);
    at::Tensor const fixed =
        position_embeddings_.narrow(0, 0, batch.ids.size(1)) + token_type_embeddings_.select(0, 0);
    return layer_norm(words + fixed, norm_gain_, norm_bias_, kEps);
}

at::Tensor TextEncoder::run(Layer const& layer, at::Tensor const& x, at::Tensor const& is_padding,
                            Dropper& dropper) const {
    at::ScalarType const compute = policy_.of(Operation::kLinear);
    at::ScalarType const residual = policy_.of(Operation::kResidual);
    at::Tensor const rounded = x.to(compute);  // once for the three projections
    at::Tensor const attended =
        attend(MaskedAttention{linear(rounded, layer.query_weight, layer.query_bias, policy_, compute),
                               linear(rounded, layer.key_weight, layer.key_bias, policy_, compute),
                               linear(rounded, layer.value_weight, layer.value_bias, policy_, compute),
                               is_padding, options_.num_heads, dropper.next_key(), options_.max_positions},
               policy_);
    at::Tensor const projected =
        linear(attended, layer.attention_out_weight, layer.attention_out_bias, policy_, residual);
    at::Tensor const middle =
        layer_norm(x + dropper(projected), layer.attention_norm_gain, layer.attention_norm_bias, kEps);
    at::Tensor const hidden = at::gelu(
        linear(middle, layer.expand_weight, layer.expand_bias, policy_, policy_.of(Operation::kActivation)));
    at::Tensor const contracted =
        linear(hidden, layer.contract_weight, layer.contract_bias, policy_, residual);
    return layer_norm(middle + dropper(contracted), layer.out_norm_gain, layer.out_norm_bias, kEps);
}

at::Tensor TextEncoder::encode(TextBatch const& batch, std::optional<TextDropout> const& dropout,
                               StageObserver const& observer) const {
    bool const fits =
        batch.ids.dim() == 2 && batch.ids.size(1) >= 1 && batch.ids.size(1) <= options_.max_positions;
    require(fits, ExitCode::kBadInput,
            "token ids of shape {} do not fit the text encoder, which needs (batch, 1 to {} tokens). Check "
            "model.text_encoder.max_length.",
            batch.ids.sizes().vec(), options_.max_positions);
    Dropper dropper(dropout, options_.dropout);
    at::Tensor const is_padding = batch.attention_mask.defined() ? batch.attention_mask.eq(0) : at::Tensor();
    at::Tensor x = dropper(embed(batch));
    show(observer, "text.embeddings", x);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        x = run(layers_[i], x, is_padding, dropper);
        show(observer, fmt::format("text.layer{}.out", i), x);
    }
    return x.select(1, 0);
}

}  // namespace ctclip
