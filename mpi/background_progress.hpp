/// Lets all-reduces advance while the rest of the process computes. MPI libraries move data only inside a call, so
/// that without somebody who calls, an operation that was started would wait for its own MPI_Wait.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ctclip {

/// Held around every call to MPI while several threads may call: the library is started as MPI_THREAD_SERIALIZED.
/// Recursive, since operations are made of others.
std::recursive_mutex& mpi_turn();

/// Something that MPI works on.
class Advancing {
  public:
    virtual ~Advancing() = default;
    /// With mpi_turn() held. Never throws and never waits. @returns whether nothing is left to do.
    virtual bool advance() noexcept = 0;
};

/// A thread that looks after operations under way; asleep while there are none.
class BackgroundProgress {
  public:
    BackgroundProgress() = default;
    BackgroundProgress(BackgroundProgress const&) = delete;
    BackgroundProgress& operator=(BackgroundProgress const&) = delete;
    ~BackgroundProgress();

    /// Until it has nothing left to do, or forget(). The thread starts with the first call.
    void watch(Advancing& operation);
    /// Returns when no advance() of it runs or will run. Also for operations that are no longer watched.
    void forget(Advancing& operation);

  private:
    void run();

    std::mutex mutex_;
    std::condition_variable wakes_;
    std::vector<Advancing*> operations_;  // oldest first
    bool is_ending_ = false;
    std::thread thread_;
};

}  // namespace ctclip
