/// Rows of every rank in one tensor, with gradient: all-gather forward, reduce-scatter (sum) backward.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "dist/communicator.hpp"

namespace ctclip {

/// How the rows of a global batch lie on the ranks: rank 0's first. Ranks may hold different numbers of rows.
class RowPartition {
  public:
    /// @param num_rows  one entry a rank, none negative.
    explicit RowPartition(std::vector<std::int64_t> num_rows);
    /// The same number of rows on every rank.
    static RowPartition even(int world_size, std::int64_t num_local_rows);
    /// Collective: the ranks tell each other how many rows they hold. `communicator` works on host memory.
    static RowPartition agree(Communicator& communicator, std::int64_t num_local_rows);

    std::int64_t num_rows(int rank) const { return num_rows_[static_cast<std::size_t>(rank)]; }
    std::int64_t first_row(int rank) const;
    std::int64_t num_global_rows() const { return first_row(static_cast<int>(num_rows_.size())); }
    std::int64_t most_rows() const;

  private:
    std::vector<std::int64_t> num_rows_;
};

/// (n, E) of this rank -> (N, E) of all ranks. float32 or float64. Collective, in the forward and in the
/// backward pass. This rank receives the sum over ranks of the gradients of its rows. Tensors on a GPU travel
/// through host memory when that is what the communicator works on. `communicator` must outlive the backward
/// pass.
at::Tensor gather_rows(at::Tensor const& local, RowPartition const& partition, Communicator& communicator);

}  // namespace ctclip
