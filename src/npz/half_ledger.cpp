// Compiled once per instruction set and chosen at run time (Google Highway).
#include "npz/half_ledger.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/half.hpp"

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)  // none of them converts fp16 any faster
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "npz/half_ledger.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#ifndef CTCLIP_NPZ_BLOCK_SUMS
#define CTCLIP_NPZ_BLOCK_SUMS
namespace ctclip {

/// What the first `num_values` of a block add to the statistics.
struct BlockSums {
    std::size_t num_values = 0;
    double min = 0.0;
    double max = 0.0;
    double worst_error = 0.0;
    double error_sum = 0.0;  ///< NaN or infinite as soon as one voxel is
    std::int64_t num_inexact = 0;
};

}  // namespace ctclip
#endif

HWY_BEFORE_NAMESPACE();
namespace ctclip {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR  // without instructions for fp16

BlockSums sum_block(double const*, std::uint16_t const*, std::size_t) {
    return {};
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::ScalableTag<double>;
using Vector = hn::Vec<Doubles>;
using Counts = hn::RebindToSigned<Doubles>;

struct LaneSums {
    Vector min;
    Vector max;
    Vector worst_error;
    Vector error_sum;
    hn::Vec<Counts> num_inexact;

    explicit LaneSums(Vector first)
        : min(first),
          max(first),
          worst_error(hn::Zero(Doubles())),
          error_sum(hn::Zero(Doubles())),
          num_inexact(hn::Zero(Counts())) {}

    HWY_INLINE void add(double const* values, std::uint16_t const* halves) {
        Doubles const doubles;
        hn::Rebind<float, Doubles> const floats;
        hn::Rebind<hwy::float16_t, Doubles> const packed;
        auto const half = hn::LoadU(packed, reinterpret_cast<hwy::float16_t const*>(halves));
        Vector const value = hn::LoadU(doubles, values);
        Vector const error = hn::Abs(hn::Sub(value, hn::PromoteTo(doubles, hn::PromoteTo(floats, half))));
        min = hn::Min(min, value);
        max = hn::Max(max, value);
        worst_error = hn::Max(worst_error, error);
        error_sum = hn::Add(error_sum, error);
        auto const is_inexact = hn::RebindMask(Counts(), hn::Ne(error, hn::Zero(doubles)));
        num_inexact = hn::Sub(num_inexact, hn::VecFromMask(Counts(), is_inexact));  // a set mask is -1
    }

    HWY_INLINE void merge(LaneSums const& other) {
        min = hn::Min(min, other.min);
        max = hn::Max(max, other.max);
        worst_error = hn::Max(worst_error, other.worst_error);
        error_sum = hn::Add(error_sum, other.error_sum);
        num_inexact = hn::Add(num_inexact, other.num_inexact);
    }
};

BlockSums sum_block(double const* values, std::uint16_t const* halves, std::size_t count) {
    Doubles const doubles;
    std::size_t const lanes = hn::Lanes(doubles);
    if (count < 2 * lanes) {
        return {};
    }
    LaneSums even(hn::LoadU(doubles, values));
    LaneSums odd = even;  // two chains of operations hide the time that one takes
    std::size_t done = 0;
    for (; done + 2 * lanes <= count; done += 2 * lanes) {
        even.add(values + done, halves + done);
        odd.add(values + done + lanes, halves + done + lanes);
    }
    even.merge(odd);
    return {done,
            hn::GetLane(hn::MinOfLanes(doubles, even.min)),
            hn::GetLane(hn::MaxOfLanes(doubles, even.max)),
            hn::GetLane(hn::MaxOfLanes(doubles, even.worst_error)),
            hn::GetLane(hn::SumOfLanes(doubles, even.error_sum)),
            hn::GetLane(hn::SumOfLanes(Counts(), even.num_inexact))};
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ctclip {

HWY_EXPORT(sum_block);

namespace {

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
    CTCLIP_EXPECT(values.size() == halves.size());
    BlockSums const sums = HWY_DYNAMIC_DISPATCH(sum_block)(values.data(), halves.data(), values.size());
    std::size_t done = 0;
    if (sums.num_values > 0 && std::isfinite(sums.error_sum)) {
        statistics_.min = std::min(statistics_.min, sums.min);
        statistics_.max = std::max(statistics_.max, sums.max);
        statistics_.worst_abs_error = std::max(statistics_.worst_abs_error, sums.worst_error);
        statistics_.num_inexact += sums.num_inexact;
        done = sums.num_values;
    }
    for (; done < values.size(); ++done) {
        add_one(values[done], half_to_float(halves[done]), statistics_);
    }
}

}  // namespace ctclip
#endif  // HWY_ONCE
