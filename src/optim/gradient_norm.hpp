/// Clipping by the global L2 norm over all gradients, in double: torch.nn.utils.clip_grad_norm_ without its
/// float32 overflow (finite gradients whose squares overflow are zeroed there) and underflow. Nothing waits
/// for the device.
#pragma once

#include <ATen/ATen.h>

namespace ctclip {

/// float64 [n]: the L2 norm of each gradient; not finite exactly where an element of it is not.
/// @param gradients  any shapes, one floating type and device; empty tensors are fine, an empty list is not.
at::Tensor norm_of_each(at::TensorList gradients);

/// float64 []: the L2 norm of all gradients together. Not finite exactly when some element is not: squares of
/// float32 cannot overflow a double.
/// @param norms  norm_of_each
at::Tensor global_norm(at::Tensor const& norms);

/// float64 []: min(1, max_norm / (norm + 1e-6)); NaN for a NaN norm, 0 for an infinite one.
at::Tensor clip_coefficient(at::Tensor const& norm, double max_norm);

/// Multiplies every gradient in place by `factor` (float64 []), rounded once to the gradients' type.
void scale_gradients(at::TensorList gradients, at::Tensor const& factor);

}  // namespace ctclip
