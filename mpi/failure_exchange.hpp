/// A failure that all ranks have (a missing file, a wrong shard) is worth one message, not one a rank.
#pragma once

#include <mpi.h>

#include <functional>
#include <string>

#include "mpi/mpi_communicator.hpp"

namespace ctclip {

class FailureExchange {
  public:
    /// Collective; before anything can fail. Has a communicator of its own, because a rank that failed may
    /// have left others in the middle of any operation.
    FailureExchange();

    /// On a rank that failed, once, not collective. Rank 0, having printed its failure, lets the others know;
    /// returns false. Another rank waits for that, up to a second, or as long as `is_rank_0_saving` (half an
    /// hour at most): who ends the job before loses that save. Returns whether rank 0 printed the same text.
    bool is_said_by_rank_0(std::string const& text, std::function<bool()> const& is_rank_0_saving) noexcept;

  private:
    MpiCommHandle comm_;
};

}  // namespace ctclip
