#include "npz/half_ledger.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "base/half.hpp"

// One source, compiled for two instruction sets; the loader of the program picks.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define CTCLIP_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CTCLIP_CLONES
#endif

namespace ctclip {

HalfLedger::HalfLedger() : sums_{} {
    sums_.min.fill(std::numeric_limits<double>::infinity());
    sums_.max.fill(-std::numeric_limits<double>::infinity());
}

inline void HalfLedger::Sums::add(std::size_t lane, double value, double half) {
    constexpr double kMaxFinite = 65504.0;
    bool const is_finite = std::abs(half) <= kMaxFinite;  // false for NaN
    double const error = is_finite ? std::abs(value - half) : 0.0;
    min[lane] = value < min[lane] ? value : min[lane];
    max[lane] = value > max[lane] ? value : max[lane];
    worst_error[lane] = error > worst_error[lane] ? error : worst_error[lane];
    num_nan[lane] += value != value ? 1 : 0;
    num_not_finite[lane] += is_finite ? 0 : 1;
    num_inexact[lane] += error > 0.0 ? 1 : 0;
}

CTCLIP_CLONES void HalfLedger::accumulate(double const* values, float const* widened, std::size_t count,
                                          Sums& sums) {
    Sums local = sums;
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            local.add(lane, values[i + lane], widened[i + lane]);
        }
    }
    for (; i < count; ++i) {
        local.add(0, values[i], widened[i]);
    }
    sums = local;
}

void HalfLedger::add(std::span<double const> values, std::span<std::uint16_t const> halves) {
    CTCLIP_EXPECT(values.size() == halves.size() && values.size() <= kMaxBlock);
    std::array<float, kMaxBlock> widened;
    half_to_float_array(halves, std::span(widened).first(halves.size()));
    accumulate(values.data(), widened.data(), values.size(), sums_);
}

HalfStatistics HalfLedger::statistics() const {
    auto const total = [](PerLane<std::int64_t> const& counts) {
        return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    };
    HalfStatistics statistics;
    statistics.min = *std::min_element(sums_.min.begin(), sums_.min.end());
    statistics.max = *std::max_element(sums_.max.begin(), sums_.max.end());
    statistics.worst_abs_error = *std::max_element(sums_.worst_error.begin(), sums_.worst_error.end());
    statistics.num_nan = total(sums_.num_nan);
    statistics.num_out_of_range = total(sums_.num_not_finite) - statistics.num_nan;
    statistics.num_inexact = total(sums_.num_inexact);
    return statistics;
}

}  // namespace ctclip
