/// The checkpoints of one run: a folder of `step-%08d.h5`. The newest VALID file is found by looking at the
/// files; `latest.json` only tells people where to look.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_file.hpp"

namespace ctclip {

struct CheckpointEntry {
    std::int64_t step;
    std::filesystem::path path;

    bool operator==(CheckpointEntry const&) const = default;
};

/// `step-00000120.h5`.
std::string checkpoint_name(std::int64_t step);

/// Files named like checkpoints, oldest first, valid or not; empty if the folder does not exist.
std::vector<CheckpointEntry> list_checkpoints(std::filesystem::path const& folder);

struct LoadedCheckpoint {
    std::filesystem::path path;
    TrainState state;
};

/// The newest checkpoint that can be read. Every newer one that cannot is named in a warning.
/// Nothing if the folder holds no checkpoint at all.
/// @throws Error kBadInput if there are checkpoints and none is valid: starting over would hide a loss.
std::optional<LoadedCheckpoint> load_newest_valid(std::filesystem::path const& folder,
                                                  CheckpointParts parts = CheckpointParts::kAll);

/// What a run keeps. A file counts as kept only once its digest was verified.
struct RetentionPolicy {
    enum class Best { kNone, kLowest, kHighest };

    std::size_t keep_last = 3;  ///< at least 2: the newest may turn out damaged
    Best best = Best::kNone;    ///< also keep the best by `metric`
    std::string metric = {};    ///< a scalar of TrainState::metrics, such as "loss"
};

/// Writes the checkpoints of one run. One instance a folder at a time (the run's lock sees to that).
class CheckpointStore {
  public:
    /// Creates the folder, removes leftovers of interrupted saves.
    /// @throws Error kBadConfig if the policy keeps fewer than 2; kCannotCreate.
    CheckpointStore(std::filesystem::path folder, RetentionPolicy policy);

    /// Commits the state under its step's name, then points `latest.json` to it, then prunes. A file of the
    /// same step is replaced: a run meets one that fell back to an older checkpoint, or has validated since.
    /// @throws Error as write_checkpoint; then what was there is still there. Once the file is committed, what
    /// fails is a warning.
    std::filesystem::path save(TrainState state);

    std::filesystem::path const& folder() const noexcept { return folder_; }

  private:
    void point_to(std::filesystem::path const& path, std::int64_t step) const;
    void prune();
    bool is_verified(CheckpointEntry const& entry);
    std::optional<double> metric_of(StateGroup const& metrics) const;
    /// The path of the best verified checkpoint; empty if none has the metric.
    std::filesystem::path best() const;

    std::filesystem::path folder_;
    RetentionPolicy policy_;
    std::map<std::filesystem::path, std::optional<double>> verified_;  ///< written or checked here -> metric
    std::set<std::filesystem::path> damaged_;
};

}  // namespace ctclip
