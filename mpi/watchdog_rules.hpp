/// From what the ranks tell to who is at fault. Pure: no clock, no network.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dist/pulse.hpp"

namespace ctclip {

/// What a rank tells rank 0 twice a second. As it lies in memory: all ranks run one build.
struct RankSignal {
    std::uint32_t is_goodbye = 0;  ///< it has finished, well or with an error of its own
    Activity activity = Activity::kStarting;
    std::uint64_t num_waits = 0;
    std::uint64_t is_waiting = 0;
    std::int64_t step = 0;
    double idle_s = 0.0;   ///< since its main thread last got further, times of being stopped left out
    double limit_s = 0.0;  ///< of idle_s, as it is now
};

enum class RankState : std::uint8_t { kAlive, kFinished, kLost };

struct RankView {
    std::string name;  ///< "rank 2 (node07, pid 4711)"
    RankState state = RankState::kAlive;
    RankSignal signal;
    double silent_s = 0.0;  ///< since its last signal; since its connection broke, if lost
};

struct WatchLimits {
    double silent_s = 20.0;
    /// A launcher that ends all ranks ends them one by one: wait for one's own end before blaming another.
    double lost_s = 0.5;
};

/// The sentence that names the rank at fault, or nothing while all is well.
std::optional<std::string> find_fault(std::span<RankView const> ranks, WatchLimits const& limits);

/// How long a main thread may get no further, now.
/// @param longest_gap_s  between two beats of a step so far, the first step left out
struct IdleLimit {
    double step_s = 20.0;
    double slow_s = 1800.0;

    double of(Activity activity, double longest_gap_s) const;
};

}  // namespace ctclip
