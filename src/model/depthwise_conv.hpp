/// The position encoding generator of CTViT (PEG): a depthwise 3x3x3 convolution over a grid of tokens.
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

/// x + conv(x) on tokens x (B, first, second, third, D) in the residual type; the convolution runs in the
/// policy's kConvolution. weight (D, 1, 3, 3, 3), bias (D). The first axis is causal. CTViT's temporal stack
/// calls this on memory ordered (b, h, w, t) but *declared* (b, t, h, w) (spec/ct_clip.md 2.4): reshape, do
/// not permute.
at::Tensor peg(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias,
               PrecisionPolicy const& policy);

}  // namespace ctclip
