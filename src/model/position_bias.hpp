/// The continuous position bias of CTViT's spatial attention (class ContinuousPositionBias; Liu et al.
/// 2022, "Swin Transformer V2").
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

/// Three linear layers: 2 -> D -> D -> heads, LeakyReLU(0.1) between them.
struct PositionBiasWeights {
    at::Tensor in_weight, in_bias;          ///< (D, 2), (D)
    at::Tensor hidden_weight, hidden_bias;  ///< (D, D), (D)
    at::Tensor out_weight, out_bias;        ///< (heads, D), (heads)
};

/// (heads, height * width, height * width) in the softmax type: element (head, i, j) is added to the
/// attention logit of query token i and key token j. The network is evaluated on the (2 height - 1)(2 width -
/// 1) distinct offsets only (2,209 instead of 331,776 pairs at real size), which changes no value.
/// Differentiable.
at::Tensor position_bias(PositionBiasWeights const& weights, std::int64_t height, std::int64_t width,
                         PrecisionPolicy const& policy);

}  // namespace ctclip
