/// The position encoding generator of CTViT (PEG): a depthwise 3x3x3 convolution over a grid of tokens, added
/// to them (Chu et al. 2021). Building blocks of project_tokens; not differentiable by themselves.
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

/// x + conv(x) on tokens x (B, first, second, third, D) in the residual type, contiguous; the convolution
/// runs in the policy's kConvolution. weight (D, 1, 3, 3, 3), bias (D). The first axis is causal.
at::Tensor add_convolution(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias,
                           PrecisionPolicy const& policy);

struct ConvolutionGradients {
    at::Tensor x;  ///< of x + conv(x)
    at::Tensor weight;
    at::Tensor bias;
};
ConvolutionGradients add_convolution_backward(at::Tensor const& gradient, at::Tensor const& x,
                                              at::Tensor const& weight, PrecisionPolicy const& policy);

}  // namespace ctclip
