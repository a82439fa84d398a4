#include "model/attention.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <optional>

#include "model/attention_block.hpp"
#include "model/block_size.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kCosineScale = 8.0;
constexpr std::size_t kNumVectors = 3;  ///< query, key, value: the first inputs
constexpr std::size_t kNumInputs = 6;

/// @param inputs  query, key, value, query_scale, key_scale, bias. Without `value`, `key` holds keys and
/// values side
///                by side.
AttentionTensors tensors_of(variable_list const& inputs) {
    std::int64_t const channels = inputs[0].size(2);
    at::Tensor const value = inputs[2].defined() ? inputs[2] : inputs[1].narrow(2, channels, channels);
    return {inputs[0], inputs[1].narrow(2, 0, channels), value, inputs[3], inputs[4], inputs[5]};
}

/// Calls body(begin, count) for blocks of sequences whose scores fit the device's block size.
template <class Body>
void for_each_attention_block(at::Tensor const& query, AttentionPlan const& plan, Body const& body) {
    std::int64_t const score_bytes =
        plan.num_heads * query.size(1) * query.size(1) * static_cast<std::int64_t>(sizeof(float));
    for_each_block(query.size(0), block_size(query, query.size(0), score_bytes), body);
}

class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& query, at::Tensor const& key,
                              std::optional<at::Tensor> const& value,
                              std::optional<at::Tensor> const& query_scale,
                              std::optional<at::Tensor> const& key_scale,
                              std::optional<at::Tensor> const& bias, AttentionPlan const& plan) {
        variable_list const inputs = {query,
                                      key,
                                      value.value_or(at::Tensor()),
                                      query_scale.value_or(at::Tensor()),
                                      key_scale.value_or(at::Tensor()),
                                      bias.value_or(at::Tensor())};
        context->save_for_backward(inputs);
        save_value(*context, plan);
        AttentionTensors const tensors = tensors_of(inputs);
        at::Tensor const output = at::empty_like(query);
        for_each_attention_block(query, plan, [&](std::int64_t begin, std::int64_t count) {
            AttentionBlock(tensors, plan, begin, count).forward(output);
        });
        return output;
    }

    static variable_list backward(AutogradContext* context, variable_list const& output_gradients) {
        variable_list const inputs = context->get_saved_variables();
        auto const& plan = saved_value<AttentionPlan>(*context);
        variable_list gradients(kNumInputs + 1);  // and one for the plan
        for (std::size_t i = 0; i < kNumInputs; ++i) {
            if (inputs[i].defined()) {  // vectors are written, scales and bias summed over blocks
                gradients[i] = i < kNumVectors ? at::empty_like(inputs[i]) : at::zeros_like(inputs[i]);
            }
        }
        AttentionTensors const tensors = tensors_of(inputs);
        AttentionTensors const views = tensors_of(gradients);
        at::Tensor const output_gradient = output_gradients[0].contiguous();
        for_each_attention_block(inputs[0], plan, [&](std::int64_t begin, std::int64_t count) {
            AttentionBlock(tensors, plan, begin, count).backward(output_gradient, views);
        });
        return gradients;
    }
};

/// torch::autograd::Function refuses undefined tensors, but takes optionals without one.
std::optional<at::Tensor> const kAbsent;

}  // namespace

at::Tensor attend(CosineAttention const& inputs, PrecisionPolicy const& policy) {
    std::int64_t const num_heads = inputs.query.size(2) / inputs.query_scale.size(0);
    AttentionPlan const plan{policy, num_heads, kCosineScale, {}, {}, 0};
    return AttentionFunction::apply(inputs.query, inputs.key_value, kAbsent,
                                    std::optional(inputs.query_scale), std::optional(inputs.key_scale),
                                    std::optional(inputs.bias), plan);
}

at::Tensor attend(MaskedAttention const& inputs, PrecisionPolicy const& policy) {
    auto const head_channels = static_cast<double>(inputs.query.size(2) / inputs.num_heads);
    AttentionPlan const plan{
        policy,         inputs.num_heads, 1.0 / std::sqrt(head_channels), inputs.is_padding,
        inputs.dropout, inputs.max_length};
    return AttentionFunction::apply(inputs.query, inputs.key, std::optional(inputs.value), kAbsent, kAbsent,
                                    kAbsent, plan);
}

}  // namespace ctclip
