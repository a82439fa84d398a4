/// The arithmetic of attention for a block of sequences, forward and backward, without autograd.
/// n sequences of L tokens, H heads of d channels; channel c = head * d + i.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "kernels/model_dropout.hpp"
#include "model/precision_policy.hpp"

namespace ctclip {

/// Everything about one attention but its differentiable tensors.
struct AttentionPlan {
    PrecisionPolicy policy;
    std::int64_t num_heads = 1;
    double scale = 1.0;           ///< of query key^T
    at::Tensor is_padding;        ///< (G, L) bool, or undefined: no padding
    DropoutKey dropout;           ///< of the probabilities; probability 0: none
    std::int64_t max_length = 0;  ///< fixes the dropout positions, whatever L is
};

struct AttentionTensors {
    at::Tensor query, key, value;       ///< (G, L, H d), views allowed
    at::Tensor query_scale, key_scale;  ///< (d); undefined: no L2 normalisation
    at::Tensor bias;                    ///< (H, L, L); undefined: none
};

/// Sequences [begin, begin + count) with their probabilities, which are made when the block is.
class AttentionBlock {
  public:
    AttentionBlock(AttentionTensors const& tensors, AttentionPlan const& plan, std::int64_t begin,
                   std::int64_t count);

    /// Writes the block's part of `output` (G, L, H d).
    void forward(at::Tensor const& output) const;
    /// Writes the block's part of the gradients of query, key and value; adds to those of scales and bias.
    void backward(at::Tensor const& output_gradient, AttentionTensors const& gradients) const;

  private:
    /// A vector per token and head, before and after L2 normalisation.
    struct HeadVectors {
        at::Tensor operand;  ///< (n H, L, d) in kAttentionProduct
        at::Tensor unit;     ///< with norm 1, in kNorm; undefined without normalisation
        at::Tensor norm;     ///< (n H, L, 1)
    };

    at::Tensor split_heads(at::Tensor const& all) const;
    at::Tensor heads_of(at::Tensor const& all) const;
    void store(at::Tensor const& heads, at::Tensor const& all) const;
    HeadVectors head_vectors(at::Tensor const& all, at::Tensor const& scale) const;
    at::Tensor make_probabilities() const;
    at::Tensor dropped(at::Tensor const& probabilities) const;
    at::Tensor vector_gradient(at::Tensor const& score_gradient, HeadVectors const& other,
                               HeadVectors const& own, at::Tensor const& own_scale,
                               at::Tensor const& scale_gradient) const;

    AttentionTensors const& tensors_;
    AttentionPlan const& plan_;
    std::int64_t begin_;
    std::int64_t count_;
    std::int64_t length_;
    at::ScalarType operand_type_;
    HeadVectors query_;
    HeadVectors key_;
    at::Tensor value_;          ///< (n H, L, d)
    at::Tensor probabilities_;  ///< (n H, L, L), before dropout, in kSoftmax
};

}  // namespace ctclip
