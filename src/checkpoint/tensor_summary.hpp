/// What can be said about one tensor's values at a glance.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/array.hpp"

namespace ctclip {

/// "float32", "bfloat16", "int64", "bool" ...: the names of NumPy and torch.
std::string_view python_dtype_name(DType type);

/// Reads one element (at any alignment) as double: exact but for 64-bit integers beyond 2^53.
using ValueReader = double (*)(std::byte const*);
ValueReader value_reader(DType type);

/// Over the finite elements; `num_nan` and `num_inf` count the others. All 0 for an empty tensor.
struct TensorSummary {
    std::size_t num_elements = 0;
    std::size_t num_nan = 0;
    std::size_t num_inf = 0;
    double norm = 0.0;  ///< Euclidean
    double mean = 0.0;
    double min = 0.0;
    double max = 0.0;
};
TensorSummary summarise(Array const& array);

/// Length of AdamW's step at learning rate 1: norm of m / (sqrt(v) + 1e-8), without bias correction and
/// decay.
/// @param exp_avg, exp_avg_sq  m and v, float32, of one shape.
double adam_step_norm(Array const& exp_avg, Array const& exp_avg_sq);

/// How far two tensors of one shape are apart.
struct TensorDifference {
    std::size_t num_different =
        0;                      ///< elements whose value or NaN-ness differs, or whose zero has another sign
    double max_absolute = 0.0;  ///< infinite where a NaN meets a number
    double max_relative = 0.0;  ///< |a-b| / max(|a|, |b|)
};
/// @throws Error kBadInput if the shapes differ.
TensorDifference compare(Array const& a, Array const& b);

}  // namespace ctclip
