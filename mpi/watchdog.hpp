/// Ends a job in which a rank has died, hangs or is stopped: within half a minute, on all ranks, with the
/// name of the rank at fault. Without it the others wait in a collective until the time limit of the job.
///
/// A thread of every rank tells rank 0 twice a second how its main thread gets on (dist/pulse.hpp); rank 0
/// answers. Rank 0 decides (watchdog_rules.hpp); the others only watch rank 0. Times in which a process, or
/// the whole job, was stopped do not count: SIGSTOP and SIGCONT of a job are harmless.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "dist/communicator.hpp"
#include "mpi/watchdog_rules.hpp"

namespace ctclip {

class LinkServer;
class SignalStream;

/// Time in which this process ran: a long gap between two looks at the clock was spent stopped.
class RunningClock {
  public:
    /// Seconds since the last call, as far as they count.
    double lap();

  private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// How long this rank's main thread has got no further.
class IdleMeter {
  public:
    explicit IdleMeter(IdleLimit const& limit) : limit_(limit) {}

    RankSignal measure(double elapsed_s);

  private:
    IdleLimit limit_;
    std::uint64_t num_beats_ = 0;
    double idle_s_ = 0.0;
    double longest_gap_s_ = 0.0;
};

class Watchdog {
  public:
    /// Collective, over host memory.
    /// @param end_job  called on another thread with a sentence that names the rank at fault; ends the
    /// process.
    Watchdog(Communicator& host, IdleLimit const& limit, std::function<void(std::string const&)> end_job);
    Watchdog(Watchdog const&) = delete;
    Watchdog& operator=(Watchdog const&) = delete;
    /// Tells the others that this rank has finished; not collective.
    ~Watchdog();

    /// This rank has failed: it has no more work to be watched at, but still hears what rank 0 does.
    void report_failure() noexcept { has_failed_ = true; }
    /// Rank 0 was saving when it last told, at most half a second ago. False on rank 0, and where rank 0
    /// cannot be heard.
    bool is_rank_0_saving() const noexcept { return is_rank_0_saving_; }

  private:
    void watch_all(std::stop_token const& stop);
    void watch_rank_0(std::stop_token const& stop, SignalStream stream);
    void end(std::string const& fault);

    int rank_;
    int world_size_;
    IdleLimit limit_;
    std::function<void(std::string const&)> end_job_;
    std::atomic<bool> has_failed_ = false;
    std::atomic<bool> is_rank_0_saving_ = false;
    std::unique_ptr<LinkServer> server_;  // rank 0 of several
    std::jthread thread_;                 // last: it stops before the rest goes
};

}  // namespace ctclip
