/// Matrix products under the precision policy: operands in the compute type, sums in float32 (float64 for
/// float64 operands), one rounding to the type of the result.
///
/// On the CPU fp16 and bf16 operands are widened first, which is exact: results depend on no processor's half
/// instructions, and no slow fallback runs. On a GPU the tensor cores sum in float32 themselves.
#pragma once

#include <ATen/ATen.h>

namespace ctclip {

/// a b for matrices (M,K)(K,N) or stacks of them (G,M,K)(G,K,N), in `result`.
at::Tensor matrix_product(at::Tensor const& a, at::Tensor const& b, at::ScalarType result);

/// out = a b for matrices, in the type of `out`.
void write_matrix_product(at::Tensor& out, at::Tensor const& a, at::Tensor const& b);

/// a b + bias (N), `bias` undefined for none.
at::Tensor affine_product(at::Tensor const& a, at::Tensor const& b, at::Tensor const& bias,
                          at::ScalarType result);

/// sum = keep * sum + scale * a b, `sum` in float32 (float64). Matrices or stacks. With keep 0 the old
/// elements of `sum` do not matter, not even NaN.
void add_matrix_product(at::Tensor& sum, at::Tensor const& a, at::Tensor const& b, double scale = 1.0,
                        double keep = 1.0);

}  // namespace ctclip
