// Arrays of fp16, compiled once per instruction set and chosen at run time (Google Highway). The reference in
// the header defines the result; tests hold every instruction set to it.
#include "base/half.hpp"

#include <cstddef>

#include "base/error.hpp"

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)  // none of them converts fp16 any faster
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/half.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ctclip {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR  // without instructions for fp16

template <class T>
std::size_t convert_whole_vectors(T const*, std::size_t, std::uint16_t*) {
    return 0;
}
std::size_t widen_whole_vectors(std::uint16_t const*, std::size_t, float*) {
    return 0;
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

template <class Tag>
HWY_INLINE void store_halves(Tag floats, hn::Vec<Tag> values, std::uint16_t* out) {
    hn::Vec<Tag> const canonical_nan =
        hn::BitCast(floats, hn::Set(hn::RebindToUnsigned<Tag>(), 0x7FC0'0000U));
    hn::Rebind<hwy::float16_t, Tag> const halves;
    auto const packed = hn::DemoteTo(halves, hn::IfThenElse(hn::IsNaN(values), canonical_nan, values));
    hn::StoreU(packed, halves, reinterpret_cast<hwy::float16_t*>(out));
}

// double to float with rounding to odd: cut the 29 bits that float cannot hold, and leave a trace of them in
// the last kept bit. float holds more than two bits beyond fp16, so the second rounding then meets a tie only
// where the double was one (Boldo, Melquiond 2005).
HWY_INLINE std::size_t convert_vector(double const* values, std::uint16_t* out) {
    hn::ScalableTag<double> const doubles;
    hn::RebindToUnsigned<decltype(doubles)> const words;
    auto const bits = hn::BitCast(words, hn::LoadU(doubles, values));
    auto const lost = hn::And(bits, hn::Set(words, 0x1FFF'FFFFU));
    auto const trace = hn::IfThenZeroElse(hn::Eq(lost, hn::Zero(words)), hn::Set(words, 0x2000'0000U));
    auto const odd = hn::BitCast(doubles, hn::Or(hn::Xor(bits, lost), trace));
    hn::Rebind<float, decltype(doubles)> const floats;
    store_halves(floats, hn::DemoteTo(floats, odd), out);
    return hn::Lanes(doubles);
}

HWY_INLINE std::size_t convert_vector(float const* values, std::uint16_t* out) {
    Floats const floats;
    store_halves(floats, hn::LoadU(floats, values), out);
    return hn::Lanes(floats);
}

// float is exact below 2^24; above it fp16 is infinite anyway.
HWY_INLINE std::size_t convert_vector(std::int32_t const* values, std::uint16_t* out) {
    Floats const floats;
    store_halves(floats, hn::ConvertTo(floats, hn::LoadU(hn::RebindToSigned<Floats>(), values)), out);
    return hn::Lanes(floats);
}

template <class Narrow>  // 8 or 16 bits
HWY_INLINE std::size_t convert_vector(Narrow const* values, std::uint16_t* out) {
    Floats const floats;
    auto const narrow = hn::LoadU(hn::Rebind<Narrow, Floats>(), values);
    store_halves(floats, hn::ConvertTo(floats, hn::PromoteTo(hn::RebindToSigned<Floats>(), narrow)), out);
    return hn::Lanes(floats);
}

/// Returns how many values were converted: all but a few that do not fill a vector.
template <class T>
std::size_t convert_whole_vectors(T const* values, std::size_t count, std::uint16_t* out) {
    std::size_t done = 0;
    while (done + hn::Lanes(Floats()) <= count) {
        done += convert_vector(values + done, out + done);
    }
    return done;
}

std::size_t widen_whole_vectors(std::uint16_t const* halves, std::size_t count, float* out) {
    Floats const floats;
    hn::Rebind<hwy::float16_t, Floats> const packed;
    std::size_t done = 0;
    for (; done + hn::Lanes(floats) <= count; done += hn::Lanes(floats)) {
        auto const vector = hn::LoadU(packed, reinterpret_cast<hwy::float16_t const*>(halves + done));
        hn::StoreU(hn::PromoteTo(floats, vector), floats, out + done);
    }
    return done;
}

#endif

// Dispatch tables hold plain functions.
char const* target_name() {
    return hwy::TargetName(HWY_TARGET);
}
std::size_t convert_f64(double const* values, std::size_t count, std::uint16_t* out) {
    return convert_whole_vectors(values, count, out);
}
std::size_t convert_f32(float const* values, std::size_t count, std::uint16_t* out) {
    return convert_whole_vectors(values, count, out);
}
std::size_t convert_i32(std::int32_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_whole_vectors(values, count, out);
}
std::size_t convert_i16(std::int16_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_whole_vectors(values, count, out);
}
std::size_t convert_i8(std::int8_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_whole_vectors(values, count, out);
}
std::size_t convert_u16(std::uint16_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_whole_vectors(values, count, out);
}
std::size_t convert_u8(std::uint8_t const* values, std::size_t count, std::uint16_t* out) {
    return convert_whole_vectors(values, count, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ctclip {

HWY_EXPORT(target_name);
HWY_EXPORT(convert_f64);
HWY_EXPORT(convert_f32);
HWY_EXPORT(convert_i32);
HWY_EXPORT(convert_i16);
HWY_EXPORT(convert_i8);
HWY_EXPORT(convert_u16);
HWY_EXPORT(convert_u8);
HWY_EXPORT(widen_whole_vectors);

namespace {

/// The rest of an array of which `done` values are converted.
template <class T>
void convert_rest(std::span<T const> values, std::span<std::uint16_t> out, std::size_t done) {
    CTCLIP_EXPECT(out.size() == values.size());
    for (; done < values.size(); ++done) {
        out[done] = half_from(values[done]);
    }
}

}  // namespace

std::string_view half_instruction_set() {
    return HWY_DYNAMIC_DISPATCH(target_name)();
}

void half_from_array(std::span<double const> values, std::span<std::uint16_t> out) {
    convert_rest(values, out, HWY_DYNAMIC_DISPATCH(convert_f64)(values.data(), values.size(), out.data()));
}
void half_from_array(std::span<float const> values, std::span<std::uint16_t> out) {
    convert_rest(values, out, HWY_DYNAMIC_DISPATCH(convert_f32)(values.data(), values.size(), out.data()));
}
void half_from_array(std::span<std::int32_t const> values, std::span<std::uint16_t> out) {
    convert_rest(values, out, HWY_DYNAMIC_DISPATCH(convert_i32)(values.data(), values.size(), out.data()));
}
void half_from_array(std::span<std::int16_t const> values, std::span<std::uint16_t> out) {
    convert_rest(values, out, HWY_DYNAMIC_DISPATCH(convert_i16)(values.data(), values.size(), out.data()));
}
void half_from_array(std::span<std::int8_t const> values, std::span<std::uint16_t> out) {
    convert_rest(values, out, HWY_DYNAMIC_DISPATCH(convert_i8)(values.data(), values.size(), out.data()));
}
void half_from_array(std::span<std::uint16_t const> values, std::span<std::uint16_t> out) {
    convert_rest(values, out, HWY_DYNAMIC_DISPATCH(convert_u16)(values.data(), values.size(), out.data()));
}
void half_from_array(std::span<std::uint8_t const> values, std::span<std::uint16_t> out) {
    convert_rest(values, out, HWY_DYNAMIC_DISPATCH(convert_u8)(values.data(), values.size(), out.data()));
}

void half_to_float_array(std::span<std::uint16_t const> halves, std::span<float> out) {
    CTCLIP_EXPECT(out.size() == halves.size());
    std::size_t done = HWY_DYNAMIC_DISPATCH(widen_whole_vectors)(halves.data(), halves.size(), out.data());
    for (; done < halves.size(); ++done) {
        out[done] = half_to_float(halves[done]);
    }
}

}  // namespace ctclip
#endif  // HWY_ONCE
