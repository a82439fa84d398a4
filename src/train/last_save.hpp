/// The save under way when a run ends: the first rank that ends ends the job, and with it what rank 0 is writing.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "checkpoint/checkpoint_saver.hpp"
#include "dist/communicator.hpp"

namespace ctclip {

class LastSave {
  public:
    /// Both are used, not owned. @param saver  of rank 0; null on others
    LastSave(Communicator& host, CheckpointSaver* saver) : host_(host), saver_(saver) {}

    /// Collective. Nobody goes on before rank 0 has ended the save under way.
    /// @returns the newest checkpoint that this start wrote; on rank 0.
    /// @throws Error on rank 0 where the save failed.
    std::optional<std::filesystem::path> wait() const;

    /// Runs a check that fails on all ranks or on none; ranks that fail wait first.
    void outlast(std::function<void()> const& check) const;

  private:
    Communicator& host_;
    CheckpointSaver* saver_;
};

}  // namespace ctclip
