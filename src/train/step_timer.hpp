/// Where the time of one step goes.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace ctclip {

enum class StepPart : std::size_t { kData, kForward, kBackward, kSync, kOptimizer };
inline constexpr std::array<std::string_view, 5> kStepPartNames = {"data_s", "forward_s", "backward_s",
                                                                   "sync_s", "optimizer_s"};

/// Host time: on a GPU what the host spent to enqueue a part, since waiting for the device to measure it
/// would cost more than it tells (the whole step's time is right either way).
class StepTimer {
  public:
    void start() { start_ = last_ = Clock::now(); }
    /// The time since start() or the last lap belongs to `part`.
    void lap(StepPart part) {
        auto const now = Clock::now();
        seconds_[static_cast<std::size_t>(part)] += std::chrono::duration<double>(now - last_).count();
        last_ = now;
    }
    std::array<double, kStepPartNames.size()> const& seconds() const { return seconds_; }
    /// Since start().
    double total_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  private:
    using Clock = std::chrono::steady_clock;

    Clock::time_point start_ = Clock::now();
    Clock::time_point last_ = start_;
    std::array<double, kStepPartNames.size()> seconds_{};
};

}  // namespace ctclip
