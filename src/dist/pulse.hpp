/// What the main thread of this process is doing (in a conversion also the thread that reads ahead), for whoever
/// watches it from another thread (mpi/watchdog.hpp). One per process, as the stop signal is. A beat is one atomic
/// addition: cheap enough for every gradient.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace ctclip {

enum class Activity : std::uint32_t { kStarting, kConverting, kFirstStep, kStep, kData, kValidation, kSaving };

std::string_view name_of(Activity activity);
/// Why a watchdog cannot keep `limit_s` without a sign of life; empty if it can, 0 (no watchdog) included. Signs come
/// twice a second, later from a busy host: a shorter limit would end healthy jobs, again and again.
std::string find_silence_limit_problem(double limit_s);
/// True for what may take minutes: only steps after the first are all alike.
bool may_take_long(Activity activity);

struct PulseReading {
    std::uint64_t num_beats = 0;
    std::uint64_t num_waits =
        0;                    ///< operations begun in which a rank waits for others; the same order on all
    bool is_waiting = false;  ///< in the last of them
    Activity activity = Activity::kStarting;
    std::int64_t step = 0;
};

class Pulse {
  public:
    static Pulse& of_process();

    /// The work has got further.
    void beat() noexcept { num_beats_.fetch_add(1, std::memory_order_relaxed); }
    void set_activity(Activity activity) noexcept;
    Activity activity() const noexcept { return activity_.load(std::memory_order_relaxed); }
    /// Of training; of a conversion, the volumes so far.
    void set_step(std::int64_t step) noexcept { step_.store(step, std::memory_order_relaxed); }
    PulseReading read() const noexcept;

  private:
    friend class WaitScope;

    std::atomic<std::uint64_t> num_beats_ = 0;
    std::atomic<std::uint64_t> num_waits_ = 0;
    std::atomic<bool> is_waiting_ = false;
    std::atomic<Activity> activity_ = Activity::kStarting;
    std::atomic<std::int64_t> step_ = 0;
};

/// While other ranks are waited for.
class WaitScope {
  public:
    WaitScope() noexcept;
    WaitScope(WaitScope const&) = delete;
    WaitScope& operator=(WaitScope const&) = delete;
    ~WaitScope();
};

/// While something else is done than before.
class ActivityScope {
  public:
    explicit ActivityScope(Activity activity) noexcept;
    ActivityScope(ActivityScope const&) = delete;
    ActivityScope& operator=(ActivityScope const&) = delete;
    ~ActivityScope();

  private:
    Activity before_;
};

}  // namespace ctclip
