#include "model/attention.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>

#include "model/block_size.hpp"
#include "model/dropout.hpp"
#include "model/matrix_product.hpp"
#include "model/saved_policy.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kCosineScale = 8.0;

/// Everything about one attention but its differentiable tensors.
struct AttentionPlan {
    PrecisionPolicy policy;
    std::int64_t num_heads = 1;
    double scale = 1.0;
    at::Tensor is_padding;
    DropoutKey dropout;
    std::int64_t max_length = 0;
};

struct AttentionTensors {
    at::Tensor query, key, value;
    at::Tensor query_scale, key_scale;  ///< undefined: no L2 normalisation
    at::Tensor bias;                    ///< undefined: none

    std::int64_t num_sequences() const { return query.size(0); }
    std::int64_t length() const { return query.size(1); }
};

/// A vector per token and head, before and after L2 normalisation.
struct HeadVectors {
    at::Tensor operand;  ///< (n H, L, d) in kAttentionProduct
    at::Tensor unit;     ///< with norm 1, in kNorm; undefined without normalisation
    at::Tensor norm;     ///< (n H, L, 1)
};

/// One block of sequences [begin, begin + count), with its probabilities.
class AttentionBlock {
  public:
    AttentionBlock(AttentionTensors const& tensors, AttentionPlan const& plan, std::int64_t begin,
                   std::int64_t count)
        : tensors_(tensors), plan_(plan), begin_(begin), count_(count) {
        query_ = head_vectors(tensors.query, tensors.query_scale);
        key_ = head_vectors(tensors.key, tensors.key_scale);
        value_ = heads_of(tensors.value);
        make_probabilities();
    }

    /// (n H, L, d) in kAttentionProduct.
    at::Tensor output() const {
        at::ScalarType const operand = plan_.policy.of(Operation::kAttentionProduct);
        return matrix_product(dropped(probabilities_).to(operand), value_, operand);
    }

    /// Writes the block's gradients of query, key and value; adds to those of scales and bias.
    void backward(at::Tensor const& output_gradient, AttentionTensors& gradients) const {
        at::ScalarType const operand = plan_.policy.of(Operation::kAttentionProduct);
        at::ScalarType const softmax = plan_.policy.of(Operation::kSoftmax);
        at::Tensor const gradient = heads_of(output_gradient);

        store(matrix_product(dropped(probabilities_).to(operand).transpose(1, 2), gradient, operand),
              gradients.value);
        at::Tensor const score_gradient = at::_softmax_backward_data(
            dropped(matrix_product(gradient, value_.transpose(1, 2), softmax)), probabilities_, -1, softmax);
        if (gradients.bias.defined()) {
            gradients.bias.add_(score_gradient.view({count_, plan_.num_heads, length(), length()}).sum({0}));
        }
        at::Tensor const rounded = score_gradient.to(operand);
        store(vector_gradient(rounded, key_, query_, tensors_.query_scale, gradients.query_scale),
              gradients.query);
        store(vector_gradient(rounded.transpose(1, 2), query_, key_, tensors_.key_scale, gradients.key_scale),
              gradients.key);
    }

    /// (n H, L, d) -> sequences [begin, begin + count) of `all` (G, L, H d).
    void store(at::Tensor const& heads, at::Tensor const& all) const {
        split_heads(all).copy_(heads.view({count_, plan_.num_heads, length(), -1}));
    }

  private:
    std::int64_t length() const { return tensors_.length(); }

    /// A view (n, H, L, d) of this block's sequences.
    at::Tensor split_heads(at::Tensor const& all) const {
        return all.narrow(0, begin_, count_).view({count_, length(), plan_.num_heads, -1}).transpose(1, 2);
    }

    at::Tensor heads_of(at::Tensor const& all) const {
        return split_heads(all)
            .to(plan_.policy.of(Operation::kAttentionProduct))
            .reshape({count_ * plan_.num_heads, length(), -1});
    }

    HeadVectors head_vectors(at::Tensor const& all, at::Tensor const& scale) const {
        at::Tensor const heads = heads_of(all);
        if (!scale.defined()) {
            return {heads, {}, {}};
        }
        at::Tensor const accurate = heads.to(plan_.policy.of(Operation::kNorm));
        at::Tensor const norm = accurate.norm(2, {-1}, true).clamp_min_(kQuantiserEps);
        at::Tensor const unit = accurate / norm;
        return {(unit * scale).to(heads.scalar_type()), unit, norm};
    }

    void make_probabilities() {
        at::Tensor const keys = key_.operand.transpose(1, 2);
        at::Tensor scores = at::empty({count_ * plan_.num_heads, length(), length()},
                                      query_.operand.options().dtype(plan_.policy.of(Operation::kSoftmax)));
        at::Tensor const by_sequence = scores.view({count_, plan_.num_heads, length(), length()});
        if (tensors_.bias.defined()) {
            by_sequence.copy_(tensors_.bias);
        }
        add_matrix_product(scores, query_.operand, keys, plan_.scale, tensors_.bias.defined() ? 1.0 : 0.0);
        if (plan_.is_padding.defined()) {
            // The lowest finite value, not -inf: a sequence of padding only stays free of NaN.
            by_sequence.masked_fill_(
                plan_.is_padding.narrow(0, begin_, count_).view({count_, 1, 1, length()}),
                std::numeric_limits<float>::lowest());
        }
        probabilities_ = at::_softmax(scores, -1, false);
    }

    at::Tensor dropped(at::Tensor const& probabilities) const {
        if (plan_.dropout.drop_probability == 0.0) {
            return probabilities;
        }
        DropoutKey key = plan_.dropout;
        key.first_sample += begin_;
        return probabilities * dropout_mask({count_, plan_.num_heads, length(), length(),
                                             plan_.max_length * plan_.max_length, plan_.max_length},
                                            key, probabilities);
    }

    /// Gradient of the vectors before normalisation: scale * (gradient of the scores) * other operand, then
    /// back through own = unit * own_scale, unit = vector / |vector|. Adds to `scale_gradient`.
    at::Tensor vector_gradient(at::Tensor const& score_gradient, HeadVectors const& other,
                               HeadVectors const& own, at::Tensor const& own_scale,
                               at::Tensor const& scale_gradient) const {
        at::Tensor const gradient =
            matrix_product(score_gradient, other.operand, plan_.policy.of(Operation::kNorm))
                .mul_(plan_.scale);
        if (!own_scale.defined()) {
            return gradient;
        }
        scale_gradient.add_((gradient * own.unit).sum(at::IntArrayRef{0, 1}));
        at::Tensor const unit_gradient = gradient.mul_(own_scale);
        at::Tensor const radial = (unit_gradient * own.unit).sum({-1}, true);
        return unit_gradient.addcmul_(own.unit, radial, -1).div_(own.norm);
    }

    AttentionTensors const& tensors_;
    AttentionPlan const& plan_;
    std::int64_t begin_;
    std::int64_t count_;
    HeadVectors query_;
    HeadVectors key_;
    at::Tensor value_;
    at::Tensor probabilities_;  ///< (n H, L, L), before dropout
};

std::int64_t sequences_per_block(AttentionTensors const& tensors, AttentionPlan const& plan) {
    return block_size(
        tensors.query, tensors.num_sequences(),
        plan.num_heads * tensors.length() * tensors.length() * static_cast<std::int64_t>(sizeof(float)));
}

void save_plan(AutogradContext& context, AttentionPlan const& plan) {
    save_policy(context, plan.policy);
    context.saved_data["num_heads"] = plan.num_heads;
    context.saved_data["scale"] = plan.scale;
    context.saved_data["dropout_seed"] = static_cast<std::int64_t>(plan.dropout.seed);
    context.saved_data["dropout_first_sample"] = plan.dropout.first_sample;
    context.saved_data["dropout_probability"] = plan.dropout.drop_probability;
    context.saved_data["max_length"] = plan.max_length;
}

AttentionPlan saved_plan(AutogradContext& context, at::Tensor const& is_padding) {
    return {saved_policy(context),
            context.saved_data["num_heads"].toInt(),
            context.saved_data["scale"].toDouble(),
            is_padding,
            {static_cast<std::uint64_t>(context.saved_data["dropout_seed"].toInt()),
             context.saved_data["dropout_first_sample"].toInt(),
             context.saved_data["dropout_probability"].toDouble()},
            context.saved_data["max_length"].toInt()};
}

/// Without `value`, `key` holds keys and values side by side.
AttentionTensors tensors_of(variable_list const& inputs) {
    std::int64_t const channels = inputs[0].size(2);
    bool const is_joint = !inputs[2].defined();
    return {inputs[0],
            inputs[1].narrow(2, 0, channels),
            is_joint ? inputs[1].narrow(2, channels, channels) : inputs[2],
            inputs[3],
            inputs[4],
            inputs[5]};
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
        save_plan(*context, plan);
        variable_list saved = inputs;
        saved.push_back(plan.is_padding);
        context->save_for_backward(saved);
        AttentionTensors const tensors = tensors_of(inputs);
        at::Tensor const output = at::empty_like(query);
        for_each_block(tensors.num_sequences(), sequences_per_block(tensors, plan),
                       [&](std::int64_t begin, std::int64_t count) {
                           AttentionBlock const block(tensors, plan, begin, count);
                           block.store(block.output(), output);
                       });
        return output;
    }

    static variable_list backward(AutogradContext* context, variable_list const& output_gradients) {
        variable_list const saved = context->get_saved_variables();
        AttentionPlan const plan = saved_plan(*context, saved[6]);
        AttentionTensors const tensors = tensors_of(saved);
        variable_list gradients(7);
        for (std::size_t i = 0; i < 6; ++i) {  // vectors are written, scales and bias summed over blocks
            if (saved[i].defined()) {
                gradients[i] = i < 3 ? at::empty_like(saved[i]) : at::zeros_like(saved[i]);
            }
        }
        AttentionTensors views = tensors_of(gradients);
        at::Tensor const output_gradient = output_gradients[0].contiguous();
        for_each_block(tensors.num_sequences(), sequences_per_block(tensors, plan),
                       [&](std::int64_t begin, std::int64_t count) {
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
    double const head_channels = static_cast<double>(inputs.query.size(2) / inputs.num_heads);
    AttentionPlan const plan{
        policy,         inputs.num_heads, 1.0 / std::sqrt(head_channels), inputs.is_padding,
        inputs.dropout, inputs.max_length};
    return AttentionFunction::apply(inputs.query, inputs.key, std::optional(inputs.value), kAbsent, kAbsent,
                                    kAbsent, plan);
}

}  // namespace ctclip
