/// Where the time of one step goes.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "base/trace.hpp"

namespace ctclip {

enum class StepPart : std::size_t { kData, kForward, kBackward, kSync, kOptimizer };
inline constexpr std::array<char const*, 5> kStepPartNames = {"data", "forward", "backward", "sync",
                                                              "optimizer"};

/// Host time: on a GPU what the host spent to enqueue a part, since waiting for the device to measure it
/// would cost more than it tells. The whole step's time is right for whoever waits for the device before asking.
/// In a trace every lap is a slice.
class StepTimer {
  public:
    void start() { start_ = last_ = Clock::now(); }
    /// The time since start() or the last lap belongs to `part`.
    void lap(StepPart part) {
        auto const now = Clock::now();
        auto const index = static_cast<std::size_t>(part);
        seconds_[index] += std::chrono::duration<double>(now - last_).count();
        add_trace_slice(kStepPartNames[index], last_, now);
        last_ = now;
    }
    std::array<double, kStepPartNames.size()> const& seconds() const { return seconds_; }
    /// Since start().
    double total_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  private:
    using Clock = TraceClock;

    Clock::time_point start_ = Clock::now();
    Clock::time_point last_ = start_;
    std::array<double, kStepPartNames.size()> seconds_{};
};

}  // namespace ctclip
