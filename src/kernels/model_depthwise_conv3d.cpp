#include "kernels/model_depthwise_conv3d.hpp"

#include <algorithm>

#include "kernels/model_cpu_clones.hpp"

namespace ctclip {
namespace {

constexpr int kWide = 64;

/// Calls tile.template operator()<width>(channel) until every channel in [begin, end) had its turn.
template <class Tile>
inline void for_each_channel_tile(std::int64_t begin, std::int64_t end, Tile const& tile) {
    std::int64_t channel = begin;
    for (; channel + kWide <= end; channel += kWide) {
        tile.template operator()<kWide>(channel);
    }
    for (; channel + 8 <= end; channel += 8) {
        tile.template operator()<8>(channel);
    }
    for (; channel < end; ++channel) {
        tile.template operator()<1>(channel);
    }
}

template <class T>
[[gnu::always_inline]] inline void conv_lines(ConvGrid const& grid, ConvReach reach, T const* input,
                                              T const* weight, T const* bias, T* output,
                                              std::int64_t line_begin, std::int64_t line_end) {
    for (std::int64_t position = line_begin * grid.third; position < line_end * grid.third; ++position) {
        for_each_channel_tile(0, grid.channels, [&]<int kChannels>(std::int64_t channel) {
            depthwise_conv3d_tile<T, kChannels>(grid, reach, input, weight, bias, output, position, channel);
        });
    }
}

template <class T>
[[gnu::always_inline]] inline void weight_gradient_blocks(ConvGrid const& grid, T const* input,
                                                          T const* output_gradient, T* weight_gradient,
                                                          std::int64_t block_begin, std::int64_t block_end) {
    std::int64_t const end = std::min(block_end * kConvChannelBlock, grid.channels);
    for (std::int64_t block = block_begin * kConvChannelBlock; block < end; block += kConvChannelBlock) {
        for (int tap = 0; tap < kConvTaps; ++tap) {
            for_each_channel_tile(
                block, std::min(block + kConvChannelBlock, end), [&]<int kChannels>(std::int64_t channel) {
                    double total[kChannels] = {};
                    depthwise_conv3d_weight_tile<T, kChannels>(grid, input, output_gradient, tap, channel, 0,
                                                               grid.num_lines(), total);
                    for (int c = 0; c < kChannels; ++c) {
                        weight_gradient[tap * grid.channels + channel + c] = static_cast<T>(total[c]);
                    }
                });
        }
    }
}

}  // namespace

CTCLIP_CPU_CLONES void depthwise_conv3d(ConvGrid const& grid, ConvReach reach, float const* input,
                                        float const* weight, float const* bias, float* output,
                                        std::int64_t line_begin, std::int64_t line_end) {
    conv_lines(grid, reach, input, weight, bias, output, line_begin, line_end);
}

CTCLIP_CPU_CLONES void depthwise_conv3d(ConvGrid const& grid, ConvReach reach, double const* input,
                                        double const* weight, double const* bias, double* output,
                                        std::int64_t line_begin, std::int64_t line_end) {
    conv_lines(grid, reach, input, weight, bias, output, line_begin, line_end);
}

CTCLIP_CPU_CLONES void depthwise_conv3d_weight_gradient(ConvGrid const& grid, float const* input,
                                                        float const* output_gradient, float* weight_gradient,
                                                        std::int64_t block_begin, std::int64_t block_end) {
    weight_gradient_blocks(grid, input, output_gradient, weight_gradient, block_begin, block_end);
}

CTCLIP_CPU_CLONES void depthwise_conv3d_weight_gradient(ConvGrid const& grid, double const* input,
                                                        double const* output_gradient,
                                                        double* weight_gradient, std::int64_t block_begin,
                                                        std::int64_t block_end) {
    weight_gradient_blocks(grid, input, output_gradient, weight_gradient, block_begin, block_end);
}

}  // namespace ctclip
