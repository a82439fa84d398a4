/// The depthwise 3x3x3 convolution of the position encoding generator (PEG), one tile at a time: the
/// definition that the CPU loops and the CUDA kernels share.
///
/// Cross-correlation on channels-last tokens. The first axis is causal (two zeros in front), the second and
/// third have one zero on both sides. Tap k = (k0 * 3 + k1) * 3 + k2 reads the position (p0 + k0 - 2, p1 + k1
/// - 1, p2 + k2 - 1).
#pragma once

#include <cstdint>

#include "kernels/host_device.hpp"

namespace ctclip {

inline constexpr int kConvTaps = 27;

/// Row-major (batch, first, second, third, channels).
struct ConvGrid {
    std::int64_t batch = 0;
    std::int64_t first = 0;
    std::int64_t second = 0;
    std::int64_t third = 0;
    std::int64_t channels = 0;

    CTCLIP_HOST_DEVICE std::int64_t num_positions() const { return batch * first * second * third; }
    /// A line is a run of `third` positions.
    CTCLIP_HOST_DEVICE std::int64_t num_lines() const { return batch * first * second; }
};

/// Which way a tap reaches: the output at p reads the input at p + offset (forward), the gradient of the
/// input at p reads the gradient of the output at p - offset.
enum class ConvReach : int { kForward = 1, kBackward = -1 };

/// Channels [channel, channel + kChannels) of one output position.
/// @param weight  (kConvTaps, channels): taps first, so that neighbouring channels are neighbours in memory.
/// @param bias    (channels), or null for none.
template <class Accumulator, int kChannels, class T>
CTCLIP_HOST_DEVICE inline void depthwise_conv3d_tile(ConvGrid const& grid, ConvReach reach, T const* input,
                                                     T const* weight, T const* bias, T* output,
                                                     std::int64_t position, std::int64_t channel) {
    std::int64_t const p2 = position % grid.third;
    std::int64_t const p1 = position / grid.third % grid.second;
    std::int64_t const p0 = position / (grid.third * grid.second) % grid.first;
    std::int64_t const sign = static_cast<int>(reach);

    Accumulator sum[kChannels];
    for (int c = 0; c < kChannels; ++c) {
        sum[c] = bias == nullptr ? Accumulator(0) : static_cast<Accumulator>(bias[channel + c]);
    }
    for (int k0 = 0; k0 < 3; ++k0) {
        std::int64_t const d0 = sign * (k0 - 2);
        if (p0 + d0 < 0 || p0 + d0 >= grid.first) {
            continue;
        }
        for (int k1 = 0; k1 < 3; ++k1) {
            std::int64_t const d1 = sign * (k1 - 1);
            if (p1 + d1 < 0 || p1 + d1 >= grid.second) {
                continue;
            }
            for (int k2 = 0; k2 < 3; ++k2) {
                std::int64_t const d2 = sign * (k2 - 1);
                if (p2 + d2 < 0 || p2 + d2 >= grid.third) {
                    continue;
                }
                std::int64_t const source = position + (d0 * grid.second + d1) * grid.third + d2;
                T const* const from = input + source * grid.channels + channel;
                T const* const tap = weight + ((k0 * 3 + k1) * 3 + k2) * grid.channels + channel;
                for (int c = 0; c < kChannels; ++c) {
                    sum[c] += static_cast<Accumulator>(tap[c]) * static_cast<Accumulator>(from[c]);
                }
            }
        }
    }
    T* const to = output + position * grid.channels + channel;
    for (int c = 0; c < kChannels; ++c) {
        to[c] = static_cast<T>(sum[c]);
    }
}

/// Adds to `total` the gradient of tap `tap` for channels [channel, channel + kChannels), summed over lines
/// [line_begin, line_end). Within a line sums are kept in Accumulator, over lines in double.
template <class Accumulator, int kChannels, class T>
CTCLIP_HOST_DEVICE inline void depthwise_conv3d_weight_tile(ConvGrid const& grid, T const* input,
                                                            T const* output_gradient, int tap,
                                                            std::int64_t channel, std::int64_t line_begin,
                                                            std::int64_t line_end, double* total) {
    std::int64_t const d0 = tap / 9 - 2;
    std::int64_t const d1 = tap / 3 % 3 - 1;
    std::int64_t const d2 = tap % 3 - 1;
    std::int64_t const p2_begin = d2 < 0 ? -d2 : 0;
    std::int64_t const p2_end = d2 > 0 ? grid.third - d2 : grid.third;
    std::int64_t const shift = ((d0 * grid.second + d1) * grid.third + d2) * grid.channels;

    for (std::int64_t line = line_begin; line < line_end; ++line) {
        std::int64_t const p1 = line % grid.second;
        std::int64_t const p0 = line / grid.second % grid.first;
        if (p0 + d0 < 0 || p1 + d1 < 0 || p1 + d1 >= grid.second) {  // d0 is never positive
            continue;
        }
        Accumulator sum[kChannels] = {};
        for (std::int64_t p2 = p2_begin; p2 < p2_end; ++p2) {
            std::int64_t const at = (line * grid.third + p2) * grid.channels + channel;
            for (int c = 0; c < kChannels; ++c) {
                sum[c] += static_cast<Accumulator>(output_gradient[at + c]) *
                          static_cast<Accumulator>(input[at + shift + c]);
            }
        }
        for (int c = 0; c < kChannels; ++c) {
            total[c] += static_cast<double>(sum[c]);
        }
    }
}

}  // namespace ctclip
