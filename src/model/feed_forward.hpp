/// The gated feed-forward block of CTViT (GEGLU: Shazeer 2020).
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

struct FeedForwardWeights {
    at::Tensor norm_gain;  ///< (D)
    at::Tensor norm_bias;  ///< (D)
    at::Tensor expand;     ///< (2F, D): rows [0, F) the value, [F, 2F) the gate
    at::Tensor contract;   ///< (D, F)
};

/// x + (value * GELU(gate)) contract^T with [value | gate] = LayerNorm(x) expand^T. x (..., D) in the
/// residual type. Stores the 2F-wide product only; the normalised x and the gated product are made again in
/// the backward pass. Inside, half-precision F is padded with zeros to a multiple of 8, which tensor cores
/// need and no result shows.
at::Tensor feed_forward(at::Tensor const& x, FeedForwardWeights const& weights,
                        PrecisionPolicy const& policy);

}  // namespace ctclip
