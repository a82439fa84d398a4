/// A stop request that reached one rank, passed on to all: ranks convert for minutes without talking to each other, and
/// a signal may reach a single one.
#pragma once

#include <filesystem>

namespace ctclip {

/// A file in the output folder, the only thing that the ranks share while they convert.
class StopNotice {
  public:
    explicit StopNotice(std::filesystem::path const& output);

    /// Best effort: where it cannot be written, the other ranks stop at the end of their share.
    void post() const noexcept;
    bool is_posted() const noexcept;
    /// Nothing of an earlier run, or of this one, stays. By the rank that holds the output's lock.
    void withdraw() const noexcept;

  private:
    std::filesystem::path path_;
};

}  // namespace ctclip
