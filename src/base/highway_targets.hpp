/// Instruction sets that our vector code is not built for. Include it before <hwy/foreach_target.h>.
#pragma once

// SSSE3 and SSE4 have no instructions for fp16 and few lanes, AVX3_DL adds nothing to AVX-512 that is used here, and
// vectors of SVE have no size, so that they cannot be members or elements of arrays: Arm is served by NEON.
#define HWY_DISABLED_TARGETS \
    (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
