#include "base/half.hpp"

#include <cstddef>

#include "base/error.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#define CTCLIP_F16C __attribute__((target("avx2,f16c")))
#endif

namespace ctclip {

namespace {

constexpr std::size_t kLanes = 8;  // fp16 values that one instruction makes

#if defined(__x86_64__)

bool has_f16c() {
    static bool const has = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("f16c") != 0;
    return has;
}

// Four doubles to float with rounding to odd: cut the 29 bits that float cannot hold, and leave a trace of
// them in the last kept bit. float holds two bits more than fp16 needs, so the second rounding then meets a
// tie only where the double was one (Boldo, Melquiond 2005).
CTCLIP_F16C inline __m128 round_to_odd(double const* values) {
    __m256i const bits = _mm256_castpd_si256(_mm256_loadu_pd(values));
    __m256i const low_mask = _mm256_set1_epi64x(0x1FFF'FFFF);
    __m256i const is_exact = _mm256_cmpeq_epi64(_mm256_and_si256(bits, low_mask), _mm256_setzero_si256());
    __m256i const trace = _mm256_andnot_si256(is_exact, _mm256_set1_epi64x(0x2000'0000));
    __m256i const odd = _mm256_or_si256(_mm256_andnot_si256(low_mask, bits), trace);
    return _mm256_cvtpd_ps(_mm256_castsi256_pd(odd));
}

CTCLIP_F16C inline __m256 load_8(double const* values) {
    return _mm256_set_m128(round_to_odd(values + 4), round_to_odd(values));
}
CTCLIP_F16C inline __m256 load_8(float const* values) {
    return _mm256_loadu_ps(values);
}
// float is exact below 2^24; above it fp16 is infinite anyway.
CTCLIP_F16C inline __m256 load_8(std::int32_t const* values) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(values)));
}
CTCLIP_F16C inline __m256 load_8(std::int16_t const* values) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<__m128i const*>(values))));
}
CTCLIP_F16C inline __m256 load_8(std::uint16_t const* values) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<__m128i const*>(values))));
}
CTCLIP_F16C inline __m256 load_8(std::int8_t const* values) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadu_si64(values)));
}
CTCLIP_F16C inline __m256 load_8(std::uint8_t const* values) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadu_si64(values)));
}

CTCLIP_F16C inline __m128i canonical_nan(__m128i halves) {
    __m128i const magnitude = _mm_and_si128(halves, _mm_set1_epi16(0x7FFF));
    __m128i const is_nan = _mm_cmpgt_epi16(magnitude, _mm_set1_epi16(kHalfInfinity));
    return _mm_blendv_epi8(halves, _mm_set1_epi16(kHalfNan), is_nan);
}

template <class T>
CTCLIP_F16C std::size_t convert_8_at_a_time(std::span<T const> values, std::span<std::uint16_t> out) {
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes) {
        __m128i const halves = _mm256_cvtps_ph(load_8(values.data() + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out.data() + i), canonical_nan(halves));
    }
    return i;
}

CTCLIP_F16C std::size_t widen_8_at_a_time(std::span<std::uint16_t const> halves, std::span<float> out) {
    std::size_t i = 0;
    for (; i + kLanes <= halves.size(); i += kLanes) {
        __m128i const packed = _mm_loadu_si128(reinterpret_cast<__m128i const*>(halves.data() + i));
        _mm256_storeu_ps(out.data() + i, _mm256_cvtph_ps(packed));
    }
    return i;
}

#else

bool has_f16c() {
    return false;
}
template <class T>
std::size_t convert_8_at_a_time(std::span<T const>, std::span<std::uint16_t>) {
    return 0;
}
std::size_t widen_8_at_a_time(std::span<std::uint16_t const>, std::span<float>) {
    return 0;
}

#endif

template <class T>
void convert(std::span<T const> values, std::span<std::uint16_t> out) {
    CTCLIP_EXPECT(out.size() == values.size());
    for (std::size_t i = has_f16c() ? convert_8_at_a_time(values, out) : 0; i < values.size(); ++i) {
        out[i] = half_from(values[i]);
    }
}

}  // namespace

void half_from_array(std::span<double const> values, std::span<std::uint16_t> out) {
    convert(values, out);
}
void half_from_array(std::span<float const> values, std::span<std::uint16_t> out) {
    convert(values, out);
}
void half_from_array(std::span<std::int32_t const> values, std::span<std::uint16_t> out) {
    convert(values, out);
}
void half_from_array(std::span<std::int16_t const> values, std::span<std::uint16_t> out) {
    convert(values, out);
}
void half_from_array(std::span<std::int8_t const> values, std::span<std::uint16_t> out) {
    convert(values, out);
}
void half_from_array(std::span<std::uint16_t const> values, std::span<std::uint16_t> out) {
    convert(values, out);
}
void half_from_array(std::span<std::uint8_t const> values, std::span<std::uint16_t> out) {
    convert(values, out);
}

void half_to_float_array(std::span<std::uint16_t const> halves, std::span<float> out) {
    CTCLIP_EXPECT(out.size() == halves.size());
    for (std::size_t i = has_f16c() ? widen_8_at_a_time(halves, out) : 0; i < halves.size(); ++i) {
        out[i] = half_to_float(halves[i]);
    }
}

}  // namespace ctclip
