#include "mpi/watchdog_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace ctclip {
namespace {

/// A computation may take this many times as long as the longest before.
constexpr double kUnusuallyLong = 3.0;

std::string place_of(RankSignal const& signal) {
    return signal.activity == Activity::kConverting
               ? fmt::format("converting, {} volumes done", signal.step)
               : fmt::format("{}, step {}", name_of(signal.activity), signal.step);
}

std::optional<std::string> find_lost(std::span<RankView const> ranks, WatchLimits const& limits) {
    for (RankView const& rank : ranks) {
        if (rank.state == RankState::kLost && rank.silent_s >= limits.lost_s) {
            return fmt::format(
                "{} ended in the middle of its work ({}): killed, out of memory, or crashed. Its host's log may tell",
                rank.name, place_of(rank.signal));
        }
    }
    return std::nullopt;
}

std::optional<std::string> find_silent(std::span<RankView const> ranks, WatchLimits const& limits) {
    for (RankView const& rank : ranks) {
        if (rank.state == RankState::kAlive && rank.silent_s >= limits.silent_s) {
            return fmt::format(
                "{} has given no sign of life for {:.0f} s ({}): its process is stopped, or its host is down or cut "
                "off",
                rank.name, rank.silent_s, place_of(rank.signal));
        }
    }
    return std::nullopt;
}

std::string blame(std::vector<RankView const*> const& alive) {
    auto const is_behind = [](RankView const* a, RankView const* b) {
        return std::pair(a->signal.num_waits, a->signal.is_waiting) <
               std::pair(b->signal.num_waits, b->signal.is_waiting);
    };
    auto const [behind, ahead] = std::ranges::minmax_element(alive, is_behind);
    RankView const& last = **behind;
    std::string const where = place_of(last.signal);
    if (last.signal.is_waiting == 0) {
        return fmt::format("{} hangs ({}){}", last.name, where,
                           alive.size() > 1 ? ", the others wait for it" : "");
    }
    if (is_behind(*behind, *ahead)) {
        return fmt::format("{} waits in an operation that the others have left ({})", last.name, where);
    }
    return fmt::format("all ranks wait in the same operation ({}): the network between them is at fault",
                       where);
}

std::optional<std::string> find_hang(std::span<RankView const> ranks) {
    std::vector<RankView const*> alive;
    double limit_s = 0.0;
    double idle_s = 1e300;
    for (RankView const& rank : ranks) {
        if (rank.state == RankState::kAlive) {
            alive.push_back(&rank);
            limit_s = std::max(limit_s, rank.signal.limit_s);
            idle_s = std::min(idle_s, rank.signal.idle_s);
        }
    }
    if (alive.empty() || idle_s < limit_s) {
        return std::nullopt;
    }
    return fmt::format("no rank has got any further for {:.0f} s: {}", idle_s, blame(alive));
}

}  // namespace

std::optional<std::string> find_fault(std::span<RankView const> ranks, WatchLimits const& limits) {
    if (auto fault = find_lost(ranks, limits)) {
        return fault;
    }
    if (auto fault = find_silent(ranks, limits)) {
        return fault;
    }
    return find_hang(ranks);
}

double IdleLimit::of(Activity activity, double longest_gap_s) const {
    double const usual_s = std::max(step_s, kUnusuallyLong * longest_gap_s);
    return may_take_long(activity) ? std::max(slow_s, usual_s) : usual_s;
}

}  // namespace ctclip
