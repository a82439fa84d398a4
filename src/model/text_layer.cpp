#include "model/text_layer.hpp"

#include <fmt/format.h>

#include "model/attention.hpp"
#include "model/dropout.hpp"
#include "model/layer_norm.hpp"
#include "model/linear.hpp"

namespace ctclip {

TextLayer::TextLayer(ParameterSet const& parameters, std::int64_t index, TextEncoderOptions const& options,
                     PrecisionPolicy const& policy)
    : num_heads_(options.num_heads), max_positions_(options.max_positions), policy_(policy) {
    std::string const prefix = fmt::format("text_transformer.encoder.layer.{}.", index);
    auto const get = [&](char const* part, char const* kind) { return parameters.at(prefix + part + kind); };
    auto const linear = [&](char const* part) { return Linear{get(part, ".weight"), get(part, ".bias")}; };
    auto const norm = [&](char const* part) { return Norm{get(part, ".weight"), get(part, ".bias")}; };
    query_ = linear("attention.self.query");
    key_ = linear("attention.self.key");
    value_ = linear("attention.self.value");
    attention_output_ = linear("attention.output.dense");
    attention_norm_ = norm("attention.output.LayerNorm");
    expand_ = linear("intermediate.dense");
    contract_ = linear("output.dense");
    output_norm_ = norm("output.LayerNorm");
}

std::vector<at::Tensor> TextLayer::weights() const {
    std::vector<at::Tensor> weights;
    for (Linear const* linear : {&query_, &key_, &value_, &attention_output_, &expand_, &contract_}) {
        weights.insert(weights.end(), {linear->weight, linear->bias});
    }
    for (Norm const* norm : {&attention_norm_, &output_norm_}) {
        weights.insert(weights.end(), {norm->gain, norm->bias});
    }
    return weights;
}

at::Tensor TextLayer::project(at::Tensor const& x, Linear const& linear, at::ScalarType result) const {
    return ctclip::linear(x, linear.weight, linear.bias, policy_, result);
}

at::Tensor TextLayer::self_attention(at::Tensor const& x, at::Tensor const& is_padding,
                                     DropoutKey const& dropout) const {
    at::ScalarType const operand = policy_.of(Operation::kAttentionProduct);
    at::Tensor const rounded = x.to(policy_.of(Operation::kLinear));  // once for the three projections
    return attend(
        MaskedAttention{project(rounded, query_, operand), project(rounded, key_, operand),
                        project(rounded, value_, operand), is_padding, num_heads_, dropout, max_positions_},
        policy_);
}

at::Tensor TextLayer::run(at::Tensor const& x, at::Tensor const& is_padding,
                          TextLayerDropout const& keys) const {
    at::ScalarType const residual = policy_.of(Operation::kResidual);
    at::Tensor const attended =
        project(self_attention(x, is_padding, keys.probabilities), attention_output_, residual);
    at::Tensor const middle = layer_norm(x + dropout(attended, keys.attention_output), attention_norm_.gain,
                                         attention_norm_.bias, kTextNormEps);
    at::Tensor const hidden = at::gelu(project(middle, expand_, policy_.of(Operation::kActivation)));
    at::Tensor const contracted = project(hidden, contract_, residual);
    return layer_norm(middle + dropout(contracted, keys.output), output_norm_.gain, output_norm_.bias,
                      kTextNormEps);
}

}  // namespace ctclip
