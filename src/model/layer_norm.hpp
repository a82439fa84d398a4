/// Layer normalisation over the last dimension, in the type of the policy's kNorm (the token stream's own).
#pragma once

#include <ATen/ATen.h>

namespace ctclip {

/// Differentiable. gain (D); bias (D), undefined for CTViT's gain-only norm (its `beta` is a zero buffer).
at::Tensor layer_norm(at::Tensor const& x, at::Tensor const& gain, at::Tensor const& bias, double eps);

/// The building blocks for functions with a backward pass of their own; not differentiable.
struct NormalisedRows {
    at::Tensor value;  ///< (N, D)
    at::Tensor mean;   ///< (N, 1)
    at::Tensor rstd;   ///< (N, 1)
};
/// `gain` and `bias` may be undefined: no affine part.
NormalisedRows normalise_rows(at::Tensor const& rows, at::Tensor const& gain, at::Tensor const& bias,
                              double eps);

struct NormGradients {
    at::Tensor rows;
    at::Tensor gain;
    at::Tensor bias;  ///< undefined if the norm has none
};
NormGradients normalise_rows_backward(at::Tensor const& gradient, at::Tensor const& rows,
                                      NormalisedRows const& normalised, at::Tensor const& gain,
                                      at::Tensor const& bias);

}  // namespace ctclip
