#include "npz/half_ledger.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "base/half.hpp"

// One source, compiled for two instruction sets; the program's loader picks.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define CTCLIP_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CTCLIP_CLONES
#endif

namespace ctclip {

namespace {

// Vectors of four, which the compiler maps to the registers of each processor.
constexpr std::size_t kLanes = 4;
using Doubles [[gnu::vector_size(kLanes * sizeof(double))]] = double;
using Counts [[gnu::vector_size(kLanes * sizeof(std::int64_t))]] = std::int64_t;
using Floats [[gnu::vector_size(kLanes * sizeof(float))]] = float;

struct LaneSums {
    Doubles min;
    Doubles max;
    Doubles worst_error;
    Doubles error_sum;  ///< NaN or infinite as soon as one voxel is
    Counts num_inexact;
};
using Chains = std::array<LaneSums, 2>;  // two chains of operations hide the time that one takes
constexpr std::size_t kStep = kLanes * std::tuple_size_v<Chains>;

/// `count` is a multiple of kStep, and not 0.
CTCLIP_CLONES void sum_lanes(double const* values, float const* widened, std::size_t count, Chains& chains) {
    Doubles first;
    std::memcpy(&first, values, sizeof(first));
    Chains sums{LaneSums{first, first, {}, {}, {}}, LaneSums{first, first, {}, {}, {}}};
    for (std::size_t i = 0; i < count; i += kStep) {
        for (std::size_t chain = 0; chain < sums.size(); ++chain) {
            Doubles value;
            Floats half;
            std::memcpy(&value, values + i + chain * kLanes, sizeof(value));
            std::memcpy(&half, widened + i + chain * kLanes, sizeof(half));
            Doubles const difference = value - __builtin_convertvector(half, Doubles);
            Doubles const error = reinterpret_cast<Doubles>(reinterpret_cast<Counts>(difference) &
                                                            INT64_MAX);  // absolute value
            LaneSums& sum = sums[chain];
            sum.min = value < sum.min ? value : sum.min;
            sum.max = value > sum.max ? value : sum.max;
            sum.worst_error = error > sum.worst_error ? error : sum.worst_error;
            sum.error_sum += error;
            sum.num_inexact -= error != 0.0;  // a comparison of vectors gives -1 where it holds
        }
    }
    chains = sums;
}

bool is_finite(Chains const& chains) {
    double sum = 0.0;
    for (LaneSums const& sums : chains) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            sum += sums.error_sum[lane];
        }
    }
    return std::isfinite(sum);
}

void merge(Chains const& chains, HalfStatistics& statistics) {
    for (LaneSums const& sums : chains) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            statistics.min = std::min(statistics.min, sums.min[lane]);
            statistics.max = std::max(statistics.max, sums.max[lane]);
            statistics.worst_abs_error = std::max(statistics.worst_abs_error, sums.worst_error[lane]);
            statistics.num_inexact += sums.num_inexact[lane];
        }
    }
}

void add_one(double value, double half, HalfStatistics& statistics) {
    if (std::isnan(value)) {
        ++statistics.num_nan;
        return;
    }
    statistics.min = std::min(statistics.min, value);
    statistics.max = std::max(statistics.max, value);
    if (std::isinf(half)) {
        ++statistics.num_out_of_range;
        return;
    }
    double const error = std::abs(value - half);
    statistics.worst_abs_error = std::max(statistics.worst_abs_error, error);
    statistics.num_inexact += error > 0.0 ? 1 : 0;
}

}  // namespace

void HalfLedger::add(std::span<double const> values, std::span<std::uint16_t const> halves) {
    CTCLIP_EXPECT(values.size() == halves.size() && values.size() <= kMaxBlock);
    std::array<float, kMaxBlock> widened;
    half_to_float_array(halves, std::span(widened).first(halves.size()));
    std::size_t done = 0;
    if (std::size_t const whole = values.size() / kStep * kStep; whole > 0) {
        Chains chains;
        sum_lanes(values.data(), widened.data(), whole, chains);
        if (is_finite(chains)) {
            merge(chains, statistics_);
            done = whole;
        }
    }
    for (; done < values.size(); ++done) {
        add_one(values[done], widened[done], statistics_);
    }
}

}  // namespace ctclip
