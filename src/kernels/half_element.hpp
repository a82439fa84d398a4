/// fp16 and bf16 elements on every device: hardware conversions on a GPU, the same bits in integer arithmetic
/// elsewhere.
#pragma once

#include <bit>
#include <cstdint>

#include "base/half.hpp"
#include "kernels/host_device.hpp"

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#endif

namespace ctclip {

/// Exact.
CTCLIP_HOST_DEVICE inline float widen_half(std::uint16_t half) {
#if defined(__CUDA_ARCH__)
    return __half2float(__ushort_as_half(half));
#else
    return half_to_float(half);
#endif
}

struct HalfElement {
    std::uint16_t bits;
};

struct BFloat16Element {
    std::uint16_t bits;
};

CTCLIP_HOST_DEVICE inline void write_element(float value, float* element) {
    *element = value;
}

/// Round to nearest even; NaN becomes kHalfNan.
CTCLIP_HOST_DEVICE inline void write_element(float value, HalfElement* element) {
#if defined(__CUDA_ARCH__)
    element->bits = value == value ? __half_as_ushort(__float2half_rn(value)) : kHalfNan;
#else
    element->bits = half_from(value);
#endif
}

/// Round to nearest even; NaN stays NaN.
CTCLIP_HOST_DEVICE inline void write_element(float value, BFloat16Element* element) {
    auto const bits = std::bit_cast<std::uint32_t>(value);
    std::uint32_t const rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    element->bits = static_cast<std::uint16_t>((value == value ? rounded : bits | 0x00400000U) >> 16);
}

}  // namespace ctclip
