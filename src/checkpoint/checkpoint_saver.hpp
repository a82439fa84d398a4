/// Saves in the background, so that training stops only while it copies its state (as CheckFreq, FAST 2021).
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <optional>

#include "checkpoint/checkpoint_store.hpp"

namespace ctclip {

/// At most one save is under way: a second submit waits for the first, so that no more than one snapshot and
/// its image are in memory. Use from one thread.
class CheckpointSaver {
  public:
    /// @param store  must outlive the saver; nobody else may use it meanwhile.
    explicit CheckpointSaver(CheckpointStore& store) : store_(store) {}
    CheckpointSaver(CheckpointSaver const&) = delete;
    CheckpointSaver& operator=(CheckpointSaver const&) = delete;
    /// Waits for the save under way; call wait() before to learn how it ended.
    ~CheckpointSaver();

    /// Starts saving a snapshot. The outcome of the save before it is reported first: a failure is logged
    /// (training goes on and saves again next time); @throws Error the third one in a row.
    void submit(TrainState state);
    /// The same for a snapshot that still has to be put into its form: `make_state` runs in the background.
    void submit(std::function<TrainState()> make_state);

    /// Ends the save under way. @throws Error if it failed: nothing will be tried again.
    /// Returns the newest checkpoint that this saver wrote, if any.
    std::optional<std::filesystem::path> wait();

    int num_failures_in_a_row() const noexcept { return num_failures_; }

  private:
    void collect();

    CheckpointStore& store_;
    std::future<std::filesystem::path> pending_;
    std::optional<std::filesystem::path> newest_;
    int num_failures_ = 0;
};

}  // namespace ctclip
