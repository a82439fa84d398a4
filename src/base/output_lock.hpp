/// One job at a time in an output folder: a lock file with owner and heartbeat. No
/// flock: cluster file systems may keep those local to a host. A lock whose owner is dead is taken over by
/// itself.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include "base/file_descriptor.hpp"

namespace ctclip {

class OutputLock {
  public:
    /// Takes the lock `.ctclip.lock` in `folder`. A lock that is there is stale, and replaced, if its owner
    /// ran on this host (and in the same container) and is gone, if it belongs to an earlier start of this Slurm
    /// job, or, where its processes cannot be seen, if its heartbeat stands still while we watch (a little longer
    /// than two beats).
    /// @param program  of the owner, for the message that another job gets.
    /// @throws Error kCannotCreate naming the owner if the lock is held; kIoError, kNoPermission.
    OutputLock(std::filesystem::path const& folder, std::string_view program);
    OutputLock(OutputLock const&) = delete;
    OutputLock& operator=(OutputLock const&) = delete;
    ~OutputLock();  ///< releases

    /// Says what the constructor would say, without taking anything. @throws Error kCannotCreate if the lock is held.
    static void require_free(std::filesystem::path const& folder);

    /// @throws Error kTryAgain if another job took the lock (this process had been stopped for long).
    void require_held() const;

  private:
    void beat(std::stop_token const& stop);

    std::filesystem::path path_;
    std::string nonce_;
    FileDescriptor file_;  ///< the lock as it was created, whatever its name means by now
    std::jthread heart_;
};

}  // namespace ctclip
