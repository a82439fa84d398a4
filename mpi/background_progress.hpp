/// Lets all-reduces advance while the rest of the process computes. MPI libraries move data only inside a call, so
/// that without somebody who calls, an operation that was started would wait for its own MPI_Wait.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

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

/// Operations under way, and a thread that looks after them while nobody else does; asleep while there are none.
class BackgroundProgress {
  public:
    BackgroundProgress() = default;
    BackgroundProgress(BackgroundProgress const&) = delete;
    BackgroundProgress& operator=(BackgroundProgress const&) = delete;
    ~BackgroundProgress();

    /// Until it has nothing left to do, or forget(). The thread starts with the first call.
    void watch(Advancing& operation);
    /// By the computation, in between: costs it less than being interrupted by the thread, which steps in where this is
    /// not called for some milliseconds.
    void advance();
    /// Returns when no advance() of it runs or will run. Also for operations that are no longer watched.
    void forget(Advancing& operation);

  private:
    void run();
    void advance_oldest() noexcept;

    std::mutex mutex_;
    std::condition_variable wakes_;
    std::deque<Advancing*> operations_;  // oldest first
    bool is_attended_ = false;           // by the computation, since the thread's last look
    bool is_ending_ = false;
    std::thread thread_;
};

}  // namespace ctclip
