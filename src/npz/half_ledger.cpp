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

template <class T>
BlockSums sum_values(T const*, std::uint16_t const*, std::size_t) {
    return {};
}

#else

namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE auto widen(hn::ScalableTag<float> floats, std::uint16_t const* halves) {
    hn::Rebind<hwy::float16_t, hn::ScalableTag<float>> const packed;
    return hn::PromoteTo(floats, hn::LoadU(packed, reinterpret_cast<hwy::float16_t const*>(halves)));
}
HWY_INLINE auto widen(hn::ScalableTag<double> doubles, std::uint16_t const* halves) {
    hn::Rebind<float, hn::ScalableTag<double>> const floats;
    hn::Rebind<hwy::float16_t, hn::ScalableTag<double>> const packed;
    auto const half = hn::LoadU(packed, reinterpret_cast<hwy::float16_t const*>(halves));
    return hn::PromoteTo(doubles, hn::PromoteTo(floats, half));
}

/// @tparam T  double or float: the difference of either and what it rounds to in fp16 is exact.
template <class T>
struct LaneSums {
    using Values = hn::ScalableTag<T>;
    using Vector = hn::Vec<Values>;
    using Counts = hn::RebindToSigned<Values>;

    Vector min;
    Vector max;
    Vector worst_error;
    Vector error_sum;
    hn::Vec<Counts> num_inexact;

    explicit LaneSums(Vector first)
        : min(first),
          max(first),
          worst_error(hn::Zero(Values())),
          error_sum(hn::Zero(Values())),
          num_inexact(hn::Zero(Counts())) {}

    HWY_INLINE void add(T const* values, std::uint16_t const* halves) {
        Values const tag;
        Vector const value = hn::LoadU(tag, values);
        Vector const error = hn::Abs(hn::Sub(value, widen(tag, halves)));
        min = hn::Min(min, value);
        max = hn::Max(max, value);
        worst_error = hn::Max(worst_error, error);
        error_sum = hn::Add(error_sum, error);
        auto const is_inexact = hn::RebindMask(Counts(), hn::Ne(error, hn::Zero(tag)));
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

template <class T>
HWY_INLINE BlockSums sum_values(T const* values, std::uint16_t const* halves, std::size_t count) {
    hn::ScalableTag<T> const tag;
    std::size_t const lanes = hn::Lanes(tag);
    if (count < 2 * lanes) {
        return {};
    }
    LaneSums<T> even(hn::LoadU(tag, values));
    LaneSums<T> odd = even;  // two chains of operations hide the time that one takes
    std::size_t done = 0;
    for (; done + 2 * lanes <= count; done += 2 * lanes) {
        even.add(values + done, halves + done);
        odd.add(values + done + lanes, halves + done + lanes);
    }
    even.merge(odd);
    return {done,
            hn::GetLane(hn::MinOfLanes(tag, even.min)),
            hn::GetLane(hn::MaxOfLanes(tag, even.max)),
            hn::GetLane(hn::MaxOfLanes(tag, even.worst_error)),
            hn::GetLane(hn::SumOfLanes(tag, even.error_sum)),
            hn::GetLane(hn::SumOfLanes(typename LaneSums<T>::Counts(), even.num_inexact))};
}

#endif

// Dispatch tables hold plain functions.
BlockSums sum_f64(double const* values, std::uint16_t const* halves, std::size_t count) {
    return sum_values(values, halves, count);
}
BlockSums sum_f32(float const* values, std::uint16_t const* halves, std::size_t count) {
    return sum_values(values, halves, count);
}

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ctclip {

HWY_EXPORT(sum_f64);
HWY_EXPORT(sum_f32);

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
    add_block(HWY_DYNAMIC_DISPATCH(sum_f64)(values.data(), halves.data(), values.size()), values, halves);
}

void HalfLedger::add(std::span<float const> values, std::span<std::uint16_t const> halves) {
    CTCLIP_EXPECT(values.size() == halves.size());
    add_block(HWY_DYNAMIC_DISPATCH(sum_f32)(values.data(), halves.data(), values.size()), values, halves);
}

template <class T>
void HalfLedger::add_block(BlockSums const& sums, std::span<T const> values, std::span<std::uint16_t const> halves) {
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
