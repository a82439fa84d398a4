/// Dropout whose mask is a pure function of (seed, sample, position): kernels/model_dropout.hpp.
#pragma once

#include <ATen/ATen.h>

#include "kernels/model_dropout.hpp"

namespace ctclip {

/// Elements 0 (dropped) or 1 / (1 - drop_probability) (kept), shape (samples * outer, middle, inner), dtype
/// and device of `like`.
at::Tensor dropout_mask(DropoutGrid const& grid, DropoutKey const& key, at::Tensor const& like);

/// Differentiable. x (samples, tokens, channels). The mask is made again in the backward pass.
at::Tensor dropout(at::Tensor const& x, DropoutKey const& key);

}  // namespace ctclip
