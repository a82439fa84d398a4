#include "kernels/model_depthwise_conv3d.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/model_cuda_launch.hpp"

namespace ctclip {
namespace {

constexpr char const* kUnknownType = "the PEG convolution has no kernel for this element type";

template <class T>
struct AccumulatorOf {
    using Type = float;
};
template <>
struct AccumulatorOf<double> {
    using Type = double;
};

/// One channel of one position an item: neighbouring threads read neighbouring channels.
template <class T>
struct ConvItem {
    ConvGrid grid;
    ConvReach reach;
    T const* input;
    T const* weight;
    T const* bias;
    T* output;

    __device__ void operator()(std::int64_t i) const {
        depthwise_conv3d_tile<typename AccumulatorOf<T>::Type, 1>(grid, reach, input, weight, bias, output,
                                                                  i / grid.channels, i % grid.channels);
    }
};

/// One channel of one tap of one part of the lines an item.
template <class T>
struct WeightItem {
    ConvGrid grid;
    std::int64_t num_parts;
    T const* input;
    T const* output_gradient;
    double* partial;

    __device__ void operator()(std::int64_t i) const {
        std::int64_t const channel = i % grid.channels;
        auto const tap = static_cast<int>(i / grid.channels % kConvTaps);
        std::int64_t const part = i / (grid.channels * kConvTaps);
        std::int64_t const begin = part * grid.num_lines() / num_parts;
        std::int64_t const end = (part + 1) * grid.num_lines() / num_parts;
        double total = 0.0;
        depthwise_conv3d_weight_tile<typename AccumulatorOf<T>::Type, 1>(grid, input, output_gradient, tap,
                                                                         channel, begin, end, &total);
        partial[i] = total;
    }
};

template <class T>
char const* launch_conv(ConvGrid const& grid, ConvReach reach, void const* input, void const* weight,
                        void const* bias, void* output, cudaStream_t stream) {
    ConvItem<T> const item{grid,
                           reach,
                           static_cast<T const*>(input),
                           static_cast<T const*>(weight),
                           static_cast<T const*>(bias),
                           static_cast<T*>(output)};
    return launch_for_each_item(grid.num_positions() * grid.channels, item, stream);
}

template <class T>
char const* launch_weight(ConvGrid const& grid, void const* input, void const* output_gradient,
                          double* partial, cudaStream_t stream) {
    std::int64_t const num_parts = conv_num_parts(grid);
    WeightItem<T> const item{grid, num_parts, static_cast<T const*>(input),
                             static_cast<T const*>(output_gradient), partial};
    return launch_for_each_item(num_parts * kConvTaps * grid.channels, item, stream);
}

}  // namespace

char const* launch_depthwise_conv3d(DType type, ConvGrid const& grid, ConvReach reach, void const* input,
                                    void const* weight, void const* bias, void* output, CUstream_st* stream) {
    switch (type) {
        case DType::kF64:
            return launch_conv<double>(grid, reach, input, weight, bias, output, stream);
        case DType::kF32:
            return launch_conv<float>(grid, reach, input, weight, bias, output, stream);
        case DType::kF16:
            return launch_conv<__half>(grid, reach, input, weight, bias, output, stream);
        case DType::kBF16:
            return launch_conv<__nv_bfloat16>(grid, reach, input, weight, bias, output, stream);
        default:
            return kUnknownType;
    }
}

std::int64_t conv_num_parts(ConvGrid const& grid) {
    constexpr std::int64_t kLinesPerPart = 64;
    return std::max<std::int64_t>((grid.num_lines() + kLinesPerPart - 1) / kLinesPerPart, 1);
}

char const* launch_depthwise_conv3d_weight_gradient(DType type, ConvGrid const& grid, void const* input,
                                                    void const* output_gradient, double* partial,
                                                    CUstream_st* stream) {
    switch (type) {
        case DType::kF64:
            return launch_weight<double>(grid, input, output_gradient, partial, stream);
        case DType::kF32:
            return launch_weight<float>(grid, input, output_gradient, partial, stream);
        case DType::kF16:
            return launch_weight<__half>(grid, input, output_gradient, partial, stream);
        case DType::kBF16:
            return launch_weight<__nv_bfloat16>(grid, input, output_gradient, partial, stream);
        default:
            return kUnknownType;
    }
}

}  // namespace ctclip
