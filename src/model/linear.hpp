/// Linear layers of the precision policy. Each saves its input as it came (the float32 token stream, which is
/// alive anyway) and rounds or normalises it again in the backward pass: nothing is stored twice.
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

/// x W^T + b. x (..., in), weight (out, in) and bias (out) in the master type, bias undefined for none.
/// @param result  type of the output: kLinear's where the next operation computes in it, else kResidual's.
at::Tensor linear(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias,
                  PrecisionPolicy const& policy, at::ScalarType result);

}  // namespace ctclip
