// Compiled once per instruction set and chosen at run time (Google Highway).
#include "npz/half_ledger.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/error.hpp"
#include "base/half.hpp"
#include "base/highway_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "npz/half_ledger.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#ifndef CTCLIP_NPZ_BLOCK_SUMS
#define CTCLIP_NPZ_BLOCK_SUMS
namespace ctclip {

/// What the first `num_values` of a block, which are converted, add to the statistics.
struct BlockSums {
    std::size_t num_values = 0;  ///< all but a few that do not fill two vectors
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
BlockSums convert_values(T const*, std::size_t, std::uint16_t*) {
    return {};
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Doubles = hn::ScalableTag<double>;

/// The narrower of float and double that holds every value of T, so that its difference from its fp16 is exact.
template <class T>
using WideTag = std::conditional_t<std::is_same_v<T, double> || std::is_same_v<T, std::int32_t>, Doubles, Floats>;
template <class Tag>
using HalfTag = hn::Rebind<hwy::float16_t, Tag>;

HWY_INLINE auto load_wide(double const* values) {
    return hn::LoadU(Doubles(), values);
}
HWY_INLINE auto load_wide(float const* values) {
    return hn::LoadU(Floats(), values);
}
HWY_INLINE auto load_wide(std::int32_t const* values) {
    return hn::PromoteTo(Doubles(), hn::LoadU(hn::Rebind<std::int32_t, Doubles>(), values));
}
HWY_INLINE auto load_wide(StoredHalf const* values) {
    auto const halves = hn::LoadU(HalfTag<Floats>(), reinterpret_cast<hwy::float16_t const*>(values));
    return hn::PromoteTo(Floats(), halves);
}
template <class Narrow>  // an integer of 8 or 16 bits
HWY_INLINE auto load_wide(Narrow const* values) {
    auto const narrow = hn::LoadU(hn::Rebind<Narrow, Floats>(), values);
    return hn::ConvertTo(Floats(), hn::PromoteTo(hn::RebindToSigned<Floats>(), narrow));
}

HWY_INLINE auto to_halves(Floats floats, hn::Vec<Floats> values) {
    auto const canonical_nan = hn::BitCast(floats, hn::Set(hn::RebindToUnsigned<Floats>(), 0x7FC0'0000U));
    return hn::DemoteTo(HalfTag<Floats>(), hn::IfThenElse(hn::IsNaN(values), canonical_nan, values));
}
// double to float with rounding to odd: cut the 29 bits that float cannot hold, and leave a trace of them in
// the last kept bit. float holds more than two bits beyond fp16, so the second rounding then meets a tie only
// where the double was one (Boldo, Melquiond 2005).
HWY_INLINE auto to_halves(Doubles doubles, hn::Vec<Doubles> values) {
    hn::RebindToUnsigned<Doubles> const words;
    auto const bits = hn::BitCast(words, values);
    auto const lost = hn::And(bits, hn::Set(words, 0x1FFF'FFFFU));
    auto const trace = hn::IfThenZeroElse(hn::Eq(lost, hn::Zero(words)), hn::Set(words, 0x2000'0000U));
    auto const odd = hn::BitCast(doubles, hn::Or(hn::Xor(bits, lost), trace));
    hn::Rebind<float, Doubles> const floats;
    auto const narrow = hn::DemoteTo(floats, odd);
    auto const canonical_nan = hn::BitCast(floats, hn::Set(hn::RebindToUnsigned<decltype(floats)>(), 0x7FC0'0000U));
    return hn::DemoteTo(HalfTag<Doubles>(), hn::IfThenElse(hn::IsNaN(narrow), canonical_nan, narrow));
}

template <class Halves>
HWY_INLINE auto widen(Floats floats, Halves halves) {
    return hn::PromoteTo(floats, halves);
}
template <class Halves>
HWY_INLINE auto widen(Doubles doubles, Halves halves) {
    return hn::PromoteTo(doubles, hn::PromoteTo(hn::Rebind<float, Doubles>(), halves));
}

template <class Tag>
struct LaneSums {
    using Vector = hn::Vec<Tag>;
    using Counts = hn::RebindToSigned<Tag>;

    Vector min;
    Vector max;
    Vector worst_error;
    Vector error_sum;
    hn::Vec<Counts> num_inexact;

    explicit LaneSums(Vector first)
        : min(first),
          max(first),
          worst_error(hn::Zero(Tag())),
          error_sum(hn::Zero(Tag())),
          num_inexact(hn::Zero(Counts())) {}

    /// To `out` as fp16, and into the sums.
    HWY_INLINE void convert(Vector values, std::uint16_t* out) {
        Tag const tag;
        auto const halves = to_halves(tag, values);
        hn::StoreU(halves, HalfTag<Tag>(), reinterpret_cast<hwy::float16_t*>(out));
        Vector const error = hn::Abs(hn::Sub(values, widen(tag, halves)));
        min = hn::Min(min, values);
        max = hn::Max(max, values);
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

/// @param load  the vector of values from an index on.
template <class Tag, class Load>
HWY_INLINE BlockSums convert_vectors(Tag tag, std::size_t count, std::uint16_t* out, Load const& load) {
    std::size_t const lanes = hn::Lanes(tag);
    if (count < 2 * lanes) {
        return {};
    }
    LaneSums<Tag> even(load(0));
    LaneSums<Tag> odd = even;  // two chains of operations hide the time that one takes
    std::size_t done = 0;
    for (; done + 2 * lanes <= count; done += 2 * lanes) {
        even.convert(load(done), out + done);
        odd.convert(load(done + lanes), out + done + lanes);
    }
    even.merge(odd);
    return {done,
            hn::GetLane(hn::MinOfLanes(tag, even.min)),
            hn::GetLane(hn::MaxOfLanes(tag, even.max)),
            hn::GetLane(hn::MaxOfLanes(tag, even.worst_error)),
            hn::GetLane(hn::SumOfLanes(tag, even.error_sum)),
            static_cast<std::int64_t>(hn::GetLane(hn::SumOfLanes(typename LaneSums<Tag>::Counts(), even.num_inexact)))};
}

template <class T>
HWY_INLINE BlockSums convert_values(T const* values, std::size_t count, std::uint16_t* out) {
    return convert_vectors(WideTag<T>(), count, out, [=](std::size_t i) HWY_ATTR { return load_wide(values + i); });
}

HWY_INLINE BlockSums convert_values(StoredHalf const* values, std::size_t count, std::uint16_t* out) {
    BlockSums const sums =
        convert_vectors(Floats(), count, out, [=](std::size_t i) HWY_ATTR { return load_wide(values + i); });
    std::memcpy(out, values, sums.num_values * sizeof(StoredHalf));  // as they are, NaN too
    return sums;
}

/// As floats, of which a vector holds twice as many. Nothing (num_values 0) if one of the values is no float.
HWY_INLINE BlockSums convert_floats_in_doubles(double const* values, std::size_t count, std::uint16_t* out) {
    Doubles const doubles;
    hn::Rebind<float, Doubles> const narrow;
    hn::RebindToUnsigned<Doubles> const words;
    auto lost = hn::Zero(words);  // any bits that narrowing has changed
    auto const load = [&](std::size_t i) HWY_ATTR {
        auto const lower = hn::LoadU(doubles, values + i);
        auto const upper = hn::LoadU(doubles, values + i + hn::Lanes(doubles));
        auto const lower_floats = hn::DemoteTo(narrow, lower);
        auto const upper_floats = hn::DemoteTo(narrow, upper);
        auto const lost_below = hn::Xor(lower, hn::PromoteTo(doubles, lower_floats));
        auto const lost_above = hn::Xor(upper, hn::PromoteTo(doubles, upper_floats));
        lost = hn::Or(lost, hn::BitCast(words, hn::Or(lost_below, lost_above)));
        return hn::Combine(Floats(), upper_floats, lower_floats);
    };
    auto const is_lossless = [&]() HWY_ATTR { return hn::AllTrue(words, hn::Eq(lost, hn::Zero(words))); };
    if (count < hn::Lanes(Floats())) {
        return {};
    }
    load(0);
    if (!is_lossless()) {
        return {};  // most likely none of this volume's voxels is
    }
    BlockSums const sums = convert_vectors(Floats(), count, out, load);
    return is_lossless() ? sums : BlockSums{};
}

HWY_INLINE BlockSums convert_values(double const* values, std::size_t count, std::uint16_t* out) {
    BlockSums const sums = convert_floats_in_doubles(values, count, out);  // whole HU are floats
    return sums.num_values > 0 ? sums
                               : convert_vectors(Doubles(), count, out,
                                                 [=](std::size_t i) HWY_ATTR { return load_wide(values + i); });
}

#endif

// Dispatch tables hold plain functions.
char const* target_name() {
    return hwy::TargetName(HWY_TARGET);
}
BlockSums convert_f64(double const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}
BlockSums convert_f32(float const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}
BlockSums convert_f16(StoredHalf const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}
BlockSums convert_i32(std::int32_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}
BlockSums convert_i16(std::int16_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}
BlockSums convert_i8(std::int8_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}
BlockSums convert_u16(std::uint16_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}
BlockSums convert_u8(std::uint8_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_values(values, count, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ctclip {

HWY_EXPORT(target_name);
HWY_EXPORT(convert_f64);
HWY_EXPORT(convert_f32);
HWY_EXPORT(convert_f16);
HWY_EXPORT(convert_i32);
HWY_EXPORT(convert_i16);
HWY_EXPORT(convert_i8);
HWY_EXPORT(convert_u16);
HWY_EXPORT(convert_u8);

namespace {

std::uint16_t one_half(StoredHalf value) {
    return value.bits;
}
template <class T>
std::uint16_t one_half(T value) {
    return half_from(value);
}

double one_value(StoredHalf value) {
    return half_to_float(value.bits);
}
template <class T>
double one_value(T value) {
    return static_cast<double>(value);
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

std::string_view half_instruction_set() {
    return HWY_DYNAMIC_DISPATCH(target_name)();
}

void HalfLedger::convert(std::span<double const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_f64)(values.data(), values.size(), out.data()), values, out);
}
void HalfLedger::convert(std::span<float const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_f32)(values.data(), values.size(), out.data()), values, out);
}
void HalfLedger::convert(std::span<StoredHalf const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_f16)(values.data(), values.size(), out.data()), values, out);
}
void HalfLedger::convert(std::span<std::int32_t const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_i32)(values.data(), values.size(), out.data()), values, out);
}
void HalfLedger::convert(std::span<std::int16_t const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_i16)(values.data(), values.size(), out.data()), values, out);
}
void HalfLedger::convert(std::span<std::int8_t const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_i8)(values.data(), values.size(), out.data()), values, out);
}
void HalfLedger::convert(std::span<std::uint16_t const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_u16)(values.data(), values.size(), out.data()), values, out);
}
void HalfLedger::convert(std::span<std::uint8_t const> values, std::span<std::uint16_t> out) {
    convert_rest(HWY_DYNAMIC_DISPATCH(convert_u8)(values.data(), values.size(), out.data()), values, out);
}

template <class T>
void HalfLedger::convert_rest(BlockSums const& sums, std::span<T const> values, std::span<std::uint16_t> out) {
    CTCLIP_EXPECT(values.size() == out.size());
    std::size_t num_summed = 0;
    if (sums.num_values > 0 && std::isfinite(sums.error_sum)) {
        statistics_.min = std::min(statistics_.min, sums.min);
        statistics_.max = std::max(statistics_.max, sums.max);
        statistics_.worst_abs_error = std::max(statistics_.worst_abs_error, sums.worst_error);
        statistics_.num_inexact += sums.num_inexact;
        num_summed = sums.num_values;
    }
    for (std::size_t i = sums.num_values; i < values.size(); ++i) {
        out[i] = one_half(values[i]);
    }
    for (std::size_t i = num_summed; i < values.size(); ++i) {
        add_one(one_value(values[i]), half_to_float(out[i]), statistics_);
    }
    // -0 and 0 are one value: which of them is the least or the most depends on the instructions.
    statistics_.min += 0.0;
    statistics_.max += 0.0;
}

}  // namespace ctclip
#endif  // HWY_ONCE
