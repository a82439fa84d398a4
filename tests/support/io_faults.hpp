/// System calls that fail, or take long, on demand, for everything linked into a test program (SQLite's loop: the N-th
/// call fails, once or for ever, for every N until the work gets through).
#pragma once

#include <chrono>
#include <string>

namespace ctclip {

enum class FaultKind {
    kErrno,
    kShortWrite,
    kSlow,       ///< fsync only: FaultPlan::delay
    kLostReply,  ///< link only: the call is made, and said to have failed
};

/// Which call fails. Only calls on paths below `folder` count, of all threads; those on lock files do not (the lock's
/// heart beats at its own times), unless `folder` is the path of one.
struct FaultPlan {
    /// write (pwrite and io_uring's writes too: a completion with an error, or a shorter write), pread, fsync, close,
    /// open, link, unlink, rename, renameat2, stat, io_uring_queue_init
    std::string call = {};
    int fatal_number = 0;  ///< 1: the first such call
    int error_number = 0;
    bool is_for_ever = false;
    FaultKind kind = FaultKind::kErrno;
    std::chrono::milliseconds delay{};  ///< kSlow: every such call takes longer by this

    bool has_links = true;  ///< false: link always fails with EPERM, as on a file system that has none

    std::string folder = {};
    int num_calls = 0;       ///< so far
    bool has_fired = false;  ///< a call failed
};

/// Null: no faults. The plan is used, not copied.
void arm_faults(FaultPlan* plan);

}  // namespace ctclip
