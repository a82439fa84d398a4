/// CPU loops and CUDA launches of the PEG convolution (model_depthwise_conv3d_tile.hpp has the definition).
/// The caller divides the CPU work among threads: results do not depend on how.
#pragma once

#include <cstdint>

#include "base/array.hpp"
#include "kernels/model_depthwise_conv3d_tile.hpp"

struct CUstream_st;

namespace ctclip {

/// Output positions of lines [line_begin, line_end), every channel. `bias` may be null.
void depthwise_conv3d(ConvGrid const& grid, ConvReach reach, float const* input, float const* weight,
                      float const* bias, float* output, std::int64_t line_begin, std::int64_t line_end);
void depthwise_conv3d(ConvGrid const& grid, ConvReach reach, double const* input, double const* weight,
                      double const* bias, double* output, std::int64_t line_begin, std::int64_t line_end);

/// Channels are divided into blocks of this many for the gradient of the weight.
inline constexpr std::int64_t kConvChannelBlock = 64;

/// weight_gradient (kConvTaps, channels), channels of blocks [block_begin, block_end), summed over every
/// position.
void depthwise_conv3d_weight_gradient(ConvGrid const& grid, float const* input, float const* output_gradient,
                                      float* weight_gradient, std::int64_t block_begin,
                                      std::int64_t block_end);
void depthwise_conv3d_weight_gradient(ConvGrid const& grid, double const* input,
                                      double const* output_gradient, double* weight_gradient,
                                      std::int64_t block_begin, std::int64_t block_end);

#if defined(CTCLIP_CUDA)
/// The same on a GPU, whole grid; returns at once. `type` (kF64, kF32, kF16, kBF16) is that of input, weight,
/// bias and output. @returns null, or why the kernel could not be started.
char const* launch_depthwise_conv3d(DType type, ConvGrid const& grid, ConvReach reach, void const* input,
                                    void const* weight, void const* bias, void* output, CUstream_st* stream);
/// Lines are summed in this many parts: `partial` is (conv_num_parts(grid), kConvTaps, channels) double, to
/// be summed over its first axis by the caller (in a fixed order, so that runs repeat).
std::int64_t conv_num_parts(ConvGrid const& grid);
char const* launch_depthwise_conv3d_weight_gradient(DType type, ConvGrid const& grid, void const* input,
                                                    void const* output_gradient, double* partial,
                                                    CUstream_st* stream);
#endif

}  // namespace ctclip
