/// The first half of a CTViT layer, up to the attention: PEG, then queries, keys and values.
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

struct TokenProjectionWeights {
    at::Tensor peg_weight, peg_bias;  ///< (D, 1, 3, 3, 3), (D)
    at::Tensor norm_gain;             ///< (D)
    at::Tensor to_query;              ///< (C, D)
    at::Tensor to_key_value;          ///< (2C, D)
};

struct ProjectedTokens {
    at::Tensor tokens;     ///< x + PEG(x), in the residual type
    at::Tensor query;      ///< LayerNorm(tokens) to_query^T, in kAttentionProduct
    at::Tensor key_value;  ///< tokens to_key_value^T: of the un-normalised tokens
};

/// x (B, first, second, third, D) in the residual type, contiguous; the results have its shape but for the
/// last dimension. Keeps x only: `tokens` and their norm are made again in the backward pass. CTViT's
/// temporal stack calls this on memory ordered (b, h, w, t) but *declared* (b, t, h, w): view, do not
/// permute.
ProjectedTokens project_tokens(at::Tensor const& x, TokenProjectionWeights const& weights,
                               PrecisionPolicy const& policy);

}  // namespace ctclip
