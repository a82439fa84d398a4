/// The continuous position bias depends on the offset between two tokens only: a plane
/// of height x width tokens has (2 height - 1)(2 width - 1) offsets. These spread a table over offsets to all
/// pairs of tokens and sum a gradient over pairs back into it, one element at a time, without atomics.
#pragma once

#include <cstdint>

#include "kernels/host_device.hpp"

struct CUstream_st;

namespace ctclip {

/// Tokens are row-major (y, x). Offset (dy, dx) has index (dy + height - 1) * (2 width - 1) + dx + width - 1.
struct BiasPlane {
    std::int64_t heads = 0;
    std::int64_t height = 0;
    std::int64_t width = 0;

    CTCLIP_HOST_DEVICE std::int64_t num_tokens() const { return height * width; }
    CTCLIP_HOST_DEVICE std::int64_t num_offsets() const { return (2 * height - 1) * (2 * width - 1); }
};

/// Index of the offset of query token minus key token.
CTCLIP_HOST_DEVICE inline std::int64_t offset_index(BiasPlane const& plane, std::int64_t query,
                                                    std::int64_t key) {
    std::int64_t const dy = query / plane.width - key / plane.width;
    std::int64_t const dx = query % plane.width - key % plane.width;
    return (dy + plane.height - 1) * (2 * plane.width - 1) + dx + plane.width - 1;
}

/// Sum over all pairs of tokens at one offset. @param bias_gradient  (tokens, tokens) of one head.
template <class T>
CTCLIP_HOST_DEVICE inline T offset_gradient(BiasPlane const& plane, T const* bias_gradient,
                                            std::int64_t offset) {
    std::int64_t const dy = offset / (2 * plane.width - 1) - (plane.height - 1);
    std::int64_t const dx = offset % (2 * plane.width - 1) - (plane.width - 1);
    T total = T(0);
    for (std::int64_t y = dy > 0 ? dy : 0; y < plane.height && y - dy < plane.height; ++y) {
        for (std::int64_t x = dx > 0 ? dx : 0; x < plane.width && x - dx < plane.width; ++x) {
            std::int64_t const query = y * plane.width + x;
            std::int64_t const key = (y - dy) * plane.width + x - dx;
            total += bias_gradient[query * plane.num_tokens() + key];
        }
    }
    return total;
}

/// bias (heads, tokens, tokens) from table (heads, offsets), rows [row_begin, row_end) of the heads * tokens
/// rows.
void spread_position_bias(BiasPlane const& plane, float const* table, float* bias, std::int64_t row_begin,
                          std::int64_t row_end);
void spread_position_bias(BiasPlane const& plane, double const* table, double* bias, std::int64_t row_begin,
                          std::int64_t row_end);

/// table_gradient (heads, offsets) from bias_gradient (heads, tokens, tokens), elements [begin, end) of the
/// table.
void collect_position_bias(BiasPlane const& plane, float const* bias_gradient, float* table_gradient,
                           std::int64_t begin, std::int64_t end);
void collect_position_bias(BiasPlane const& plane, double const* bias_gradient, double* table_gradient,
                           std::int64_t begin, std::int64_t end);

#if defined(CTCLIP_CUDA)
/// The same on a GPU, whole arrays; return at once. @returns null, or why the kernel could not be started.
char const* launch_spread_position_bias(BiasPlane const& plane, float const* table, float* bias,
                                        CUstream_st* stream);
char const* launch_spread_position_bias(BiasPlane const& plane, double const* table, double* bias,
                                        CUstream_st* stream);
char const* launch_collect_position_bias(BiasPlane const& plane, float const* bias_gradient,
                                         float* table_gradient, CUstream_st* stream);
char const* launch_collect_position_bias(BiasPlane const& plane, double const* bias_gradient,
                                         double* table_gradient, CUstream_st* stream);
#endif

}  // namespace ctclip
