/// Rows of a table by index, and sums of rows by index. The sums are made in a fixed order on every device,
/// so that runs repeat to the bit.
#pragma once

#include <ATen/ATen.h>

namespace ctclip {

/// table (R, D), indices of any shape S (int64) -> (S, D). Not differentiable.
at::Tensor rows_at(at::Tensor const& table, at::Tensor const& indices);

/// rows (S, D) -> (num_rows, D): row r is the sum of those whose index is r. Not differentiable.
at::Tensor sum_rows_by_index(at::Tensor const& rows, at::Tensor const& indices, std::int64_t num_rows);

/// rows_at with gradient for the table.
at::Tensor look_up(at::Tensor const& table, at::Tensor const& indices);

}  // namespace ctclip
