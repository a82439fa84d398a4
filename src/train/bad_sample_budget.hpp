/// How many different samples of a run were bad and replaced (data.bad_samples: replace), on all ranks and in all its
/// lives: neither the number of ranks nor interruptions decide whether a run fails.
#pragma once

#include <cstdint>
#include <set>

#include "checkpoint/train_state.hpp"
#include "dist/communicator.hpp"
#include "loader/host_batch.hpp"

namespace ctclip {

class BadSampleBudget {
  public:
    /// @param limit  data.max_bad_samples
    explicit BadSampleBudget(std::int64_t limit) : limit_(limit) {}

    /// Of a batch that this rank uses. Not collective.
    void note(HostBatch const& batch);
    /// Collective, at every step edge: all ranks know the bad samples of all.
    /// @throws Error kBadInput on every rank where they are more than allowed.
    void share(Communicator& host);

    std::int64_t count() const { return static_cast<std::int64_t>(indices_.size()); }

    /// Into and out of a checkpoint's sampler group, from which nothing is absent where there were none. Not
    /// collective.
    void save_to(StateGroup& sampler) const;
    void restore_from(StateGroup const& sampler);

  private:
    std::int64_t limit_;
    std::set<std::int64_t> indices_;  ///< of all ranks, as of the last share()
    std::set<std::int64_t> news_;     ///< of this rank since
};

}  // namespace ctclip
