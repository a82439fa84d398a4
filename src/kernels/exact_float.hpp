/// float32 operations with a fixed rounding on every device. Compilers may fuse a product and a sum (nvcc
/// does by default), which changes bits; these say which of the two is meant. On the host -ffp-contract=off
/// keeps them apart.
#pragma once

#include <cmath>

#include "kernels/host_device.hpp"

namespace ctclip {

/// a * b, rounded.
CTCLIP_HOST_DEVICE inline float product(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
}

/// a + b, rounded.
CTCLIP_HOST_DEVICE inline float sum(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fadd_rn(a, b);
#else
    return a + b;
#endif
}

/// a / b, rounded.
CTCLIP_HOST_DEVICE inline float quotient(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fdiv_rn(a, b);
#else
    return a / b;
#endif
}

/// a * b + c, rounded once.
CTCLIP_HOST_DEVICE inline float fused_product_sum(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
    return __fmaf_rn(a, b, c);
#else
    return std::fma(a, b, c);
#endif
}

/// a + (b - a) * weight in the rounding of torch's CPU interpolation: fma(a, 1 - weight, b * weight).
/// A NaN or infinite end counts also with weight 0 (NaN * 0 is NaN).
CTCLIP_HOST_DEVICE inline float interpolate(float a, float b, float weight) {
    return fused_product_sum(a, sum(1.0F, -weight), product(b, weight));
}

}  // namespace ctclip
