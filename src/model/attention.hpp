/// Multi-head attention without stored probabilities: the forward pass makes them block by block, the
/// backward pass makes them again. Scores, bias and softmax in the policy's kSoftmax, operands of both
/// products in kAttentionProduct. G sequences of L tokens, H heads of d channels; channel c = head * d + i.
///
/// LibTorch's fused attention is not used: with a bias that learns it stores the full bias gradient, changes
/// kernels between training and evaluation, and has wrong results in this version.
#pragma once

#include <ATen/ATen.h>

#include "kernels/model_dropout.hpp"
#include "model/precision_policy.hpp"

namespace ctclip {

/// CTViT's attention (class Attention): queries and keys are L2-normalised per head and multiplied by
/// learned scales, logits = 8 q k^T + bias.
struct CosineAttention {
    at::Tensor query;        ///< (G, L, H d) in kAttentionProduct
    at::Tensor key_value;    ///< (G, L, 2 H d): keys, then values
    at::Tensor query_scale;  ///< (d)
    at::Tensor key_scale;    ///< (d)
    at::Tensor bias;         ///< (H, L, L) in kSoftmax, or undefined
};
/// (G, L, H d) in kAttentionProduct.
at::Tensor attend(CosineAttention const& inputs, PrecisionPolicy const& policy);

/// BERT's attention: logits = q k^T / sqrt(d), padded keys get no weight, dropout on the probabilities.
struct MaskedAttention {
    at::Tensor query, key, value;  ///< (G, L, H d) in kAttentionProduct
    at::Tensor is_padding;         ///< (G, L) bool, or undefined: no padding
    std::int64_t num_heads = 1;
    DropoutKey dropout;           ///< probability 0: none
    std::int64_t max_length = 0;  ///< fixes the dropout positions, whatever L is
};
at::Tensor attend(MaskedAttention const& inputs, PrecisionPolicy const& policy);

}  // namespace ctclip
