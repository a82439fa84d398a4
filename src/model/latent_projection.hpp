/// The projection of the pooled image to the latent space. At real size its weight is half of the model's
/// parameters (604 MB), and its gradient is the first to come, when memory is fullest.
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

/// x W^T in kLoss. x (B, in), weight (out, in), a leaf. In the backward pass the gradient of the weight is
/// added straight into weight.grad() if that is there, without a tensor of its own; autograd then receives a
/// zero in its place (one element, expanded), so that hooks on the weight run as ever. Hence for backward()
/// only, not for torch::autograd::grad().
at::Tensor latent_projection(at::Tensor const& x, at::Tensor const& weight, PrecisionPolicy const& policy);

}  // namespace ctclip
