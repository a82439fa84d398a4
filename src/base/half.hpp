/// IEEE binary16 bit patterns: conversion equal to numpy's astype(float16), bit for bit.
///
/// Round to nearest even, infinity from 65520 on, gradual underflow, signed zeros kept. float64 never goes
/// through a rounded float32: that rounds twice and is wrong next to ties (see its test). NaN becomes the
/// canonical 0x7E00 (numpy keeps sign and payload, hardware sets the quiet bit: NaN bits are not portable).
/// Whole volumes: npz/half_ledger.hpp.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

namespace ctclip {

inline constexpr std::uint16_t kHalfInfinity = 0x7C00;
inline constexpr std::uint16_t kHalfNan = 0x7E00;
inline constexpr std::uint16_t kHalfMax = 0x7BFF;  ///< 65504
inline constexpr std::uint16_t kHalfSign = 0x8000;

constexpr bool is_half_finite(std::uint16_t half) {
    return (half & kHalfInfinity) != kHalfInfinity;
}

/// The reference: one value, integer arithmetic only.
constexpr std::uint16_t half_from(double value) {
    auto const bits = std::bit_cast<std::uint64_t>(value);
    auto const sign = static_cast<std::uint16_t>((bits >> 48) & kHalfSign);
    std::uint64_t const magnitude = bits & 0x7FFF'FFFF'FFFF'FFFFU;
    int const exponent = static_cast<int>(magnitude >> 52) - 1023;
    if (magnitude > 0x7FF0'0000'0000'0000U) {
        return kHalfNan;
    }
    if (exponent > 15) {
        return static_cast<std::uint16_t>(sign | kHalfInfinity);
    }
    if (exponent < -25) {  // below half of the smallest subnormal, 2^-24
        return sign;
    }
    // 53-bit significand; the number of its low bits that fp16 drops is 42, or more where fp16 is subnormal.
    std::uint64_t const significand = (magnitude & 0xF'FFFF'FFFF'FFFFU) | 0x10'0000'0000'0000U;
    int const dropped = exponent >= -14 ? 42 : 28 - exponent;
    std::uint64_t const kept = significand >> dropped;
    std::uint64_t const rest = significand & ((std::uint64_t{1} << dropped) - 1);
    std::uint64_t const tie = std::uint64_t{1} << (dropped - 1);
    std::uint64_t const round_up = (rest > tie || (rest == tie && (kept & 1) != 0)) ? 1 : 0;
    // The hidden bit of `kept` adds 1 to the exponent field, and so does a carry out of the rounding.
    std::uint64_t const biased = exponent >= -14 ? static_cast<std::uint64_t>(exponent + 14) << 10 : 0;
    return static_cast<std::uint16_t>(sign | (biased + kept + round_up));
}
constexpr std::uint16_t half_from(float value) {
    return half_from(static_cast<double>(value));
}  // exact widening
template <std::integral Integer>
requires(sizeof(Integer) <= 4) constexpr std::uint16_t half_from(Integer value) {
    return half_from(static_cast<double>(value));  // exact widening
}

/// Exact. A signalling NaN becomes quiet, as the hardware makes it.
constexpr float half_to_float(std::uint16_t half) {
    std::uint32_t const sign = static_cast<std::uint32_t>(half & kHalfSign) << 16;
    std::uint32_t const exponent = (half >> 10) & 0x1FU;
    std::uint32_t const fraction = half & 0x3FFU;
    if (exponent == 0) {  // zero or subnormal: fraction * 2^-24
        auto const magnitude = std::bit_cast<std::uint32_t>(static_cast<float>(fraction) * 0x1p-24F);
        return std::bit_cast<float>(sign | magnitude);
    }
    if (exponent == 0x1F) {
        std::uint32_t const quiet = fraction == 0 ? 0 : 0x40'0000U;
        return std::bit_cast<float>(sign | 0x7F80'0000U | quiet | (fraction << 13));
    }
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

}  // namespace ctclip
