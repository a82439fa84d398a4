#include "model/attention_block.hpp"

#include <limits>

#include "model/dropout.hpp"
#include "model/matrix_product.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {

AttentionBlock::AttentionBlock(AttentionTensors const& tensors, AttentionPlan const& plan, std::int64_t begin,
                               std::int64_t count)
    : tensors_(tensors),
      plan_(plan),
      begin_(begin),
      count_(count),
      length_(tensors.query.size(1)),
      operand_type_(plan.policy.of(Operation::kAttentionProduct)),
      query_(head_vectors(tensors.query, tensors.query_scale)),
      key_(head_vectors(tensors.key, tensors.key_scale)),
      value_(heads_of(tensors.value)),
      probabilities_(make_probabilities()) {}

void AttentionBlock::forward(at::Tensor const& output) const {
    store(matrix_product(dropped(probabilities_).to(operand_type_), value_, operand_type_), output);
}

void AttentionBlock::backward(at::Tensor const& output_gradient, AttentionTensors const& gradients) const {
    at::ScalarType const softmax = plan_.policy.of(Operation::kSoftmax);
    at::Tensor const gradient = heads_of(output_gradient);
    at::Tensor const kept = dropped(probabilities_).to(operand_type_);
    store(matrix_product(kept.transpose(1, 2), gradient, operand_type_), gradients.value);

    at::Tensor const score_gradient = at::_softmax_backward_data(
        dropped(matrix_product(gradient, value_.transpose(1, 2), softmax)), probabilities_, -1, softmax);
    if (gradients.bias.defined()) {
        gradients.bias.add_(score_gradient.view({count_, plan_.num_heads, length_, length_}).sum({0}));
    }
    at::Tensor const rounded = score_gradient.to(operand_type_);
    store(vector_gradient(rounded, key_, query_, tensors_.query_scale, gradients.query_scale),
          gradients.query);
    store(vector_gradient(rounded.transpose(1, 2), query_, key_, tensors_.key_scale, gradients.key_scale),
          gradients.key);
}

/// A view (n, H, L, d) of this block's sequences in `all` (G, L, H d).
at::Tensor AttentionBlock::split_heads(at::Tensor const& all) const {
    return all.narrow(0, begin_, count_).view({count_, length_, plan_.num_heads, -1}).transpose(1, 2);
}

/// The same, contiguous (n H, L, d) in kAttentionProduct.
at::Tensor AttentionBlock::heads_of(at::Tensor const& all) const {
    return split_heads(all).to(operand_type_).reshape({count_ * plan_.num_heads, length_, -1});
}

/// (n H, L, d) -> this block's sequences in `all` (G, L, H d).
void AttentionBlock::store(at::Tensor const& heads, at::Tensor const& all) const {
    split_heads(all).copy_(heads.view({count_, plan_.num_heads, length_, -1}));
}

AttentionBlock::HeadVectors AttentionBlock::head_vectors(at::Tensor const& all,
                                                         at::Tensor const& scale) const {
    at::Tensor const heads = heads_of(all);
    if (!scale.defined()) {
        return {heads, {}, {}};
    }
    at::Tensor const accurate = heads.to(plan_.policy.of(Operation::kNorm));
    at::Tensor const norm = accurate.norm(2, {-1}, true).clamp_min_(kQuantiserEps);
    at::Tensor const unit = accurate / norm;
    return {(unit * scale).to(operand_type_), unit, norm};
}

at::Tensor AttentionBlock::make_probabilities() const {
    at::Tensor scores = at::empty({count_ * plan_.num_heads, length_, length_},
                                  value_.options().dtype(plan_.policy.of(Operation::kSoftmax)));
    at::Tensor const by_sequence = scores.view({count_, plan_.num_heads, length_, length_});
    double const keep = tensors_.bias.defined() ? 1.0 : 0.0;
    if (tensors_.bias.defined()) {
        by_sequence.copy_(tensors_.bias);
    }
    add_matrix_product(scores, query_.operand, key_.operand.transpose(1, 2), plan_.scale, keep);
    if (plan_.is_padding.defined()) {
        // The lowest finite value, not -inf: a sequence of padding only stays free of NaN.
        by_sequence.masked_fill_(plan_.is_padding.narrow(0, begin_, count_).view({count_, 1, 1, length_}),
                                 std::numeric_limits<float>::lowest());
    }
    return at::_softmax(scores, -1, false);
}

at::Tensor AttentionBlock::dropped(at::Tensor const& probabilities) const {
    if (plan_.dropout.drop_probability == 0.0) {
        return probabilities;
    }
    DropoutKey key = plan_.dropout;
    key.first_sample += begin_;
    return probabilities * dropout_mask({count_, plan_.num_heads, length_, length_,
                                         plan_.max_length * plan_.max_length, plan_.max_length},
                                        key, probabilities);
}

/// Gradient of the vectors before normalisation: scale * (gradient of the scores) * other operand, then back
/// through own = unit * own_scale, unit = vector / |vector|. Adds to `scale_gradient`.
at::Tensor AttentionBlock::vector_gradient(at::Tensor const& score_gradient, HeadVectors const& other,
                                           HeadVectors const& own, at::Tensor const& own_scale,
                                           at::Tensor const& scale_gradient) const {
    at::Tensor const gradient =
        matrix_product(score_gradient, other.operand, plan_.policy.of(Operation::kNorm)).mul_(plan_.scale);
    if (!own_scale.defined()) {
        return gradient;
    }
    scale_gradient.add_((gradient * own.unit).sum(at::IntArrayRef{0, 1}));
    at::Tensor const unit_gradient = gradient.mul_(own_scale);
    at::Tensor const radial = (unit_gradient * own.unit).sum({-1}, true);
    return unit_gradient.addcmul_(own.unit, radial, -1).div_(own.norm);
}

}  // namespace ctclip
