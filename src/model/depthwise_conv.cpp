#include "model/depthwise_conv.hpp"

#include "kernels/model_depthwise_conv3d.hpp"
#include "model/device_launch.hpp"
#include "model/parallel_ranges.hpp"
#include "model/tensor_array.hpp"

namespace ctclip {
namespace {

/// The CPU loops compute in float or double; a half operand is exact in float.
at::ScalarType cpu_type(at::ScalarType type) {
    return type == at::kDouble ? at::kDouble : at::kFloat;
}

ConvGrid grid_of(at::Tensor const& x) {
    return {x.size(0), x.size(1), x.size(2), x.size(3), x.size(4)};
}

/// (D, 1, 3, 3, 3) -> (27, D)
at::Tensor taps_first(at::Tensor const& weight) {
    return weight.view({weight.size(0), kConvTaps}).t().contiguous();
}

template <class T>
void convolve_on_cpu(ConvGrid const& grid, ConvReach reach, at::Tensor const& input, at::Tensor const& taps,
                     at::Tensor const& bias, at::Tensor const& output) {
    T const* const from = input.const_data_ptr<T>();
    T const* const weight = taps.const_data_ptr<T>();
    T const* const offset = bias.defined() ? bias.const_data_ptr<T>() : nullptr;
    T* const to = output.mutable_data_ptr<T>();
    std::int64_t const line_elements = std::max<std::int64_t>(grid.third * grid.channels, 1);
    parallel_ranges(grid.num_lines(), 1 + 4096 / line_elements, [&](std::int64_t begin, std::int64_t end) {
        depthwise_conv3d(grid, reach, from, weight, offset, to, begin, end);
    });
}

/// All operands in one type; the result is in that type too.
at::Tensor convolve(ConvReach reach, at::Tensor const& input, at::Tensor const& taps,
                    at::Tensor const& bias) {
    ConvGrid const grid = grid_of(input);
    at::Tensor output = at::empty_like(input);
    if (input.is_cpu() && input.scalar_type() != cpu_type(input.scalar_type())) {
        at::Tensor const wide = convolve(reach, input.to(at::kFloat), taps.to(at::kFloat),
                                         bias.defined() ? bias.to(at::kFloat) : bias);
        return wide.to(input.scalar_type());
    }
    if (input.is_cpu()) {
        input.scalar_type() == at::kDouble ? convolve_on_cpu<double>(grid, reach, input, taps, bias, output)
                                           : convolve_on_cpu<float>(grid, reach, input, taps, bias, output);
    }
#if defined(CTCLIP_CUDA)
    if (input.is_cuda()) {
        require_launched(
            launch_depthwise_conv3d(dtype_of(input.scalar_type()), grid, reach, input.const_data_ptr(),
                                    taps.const_data_ptr(), bias.defined() ? bias.const_data_ptr() : nullptr,
                                    output.mutable_data_ptr(), stream_of(input)),
            "PEG convolution");
    }
#endif
    return output;
}

template <class T>
void weight_gradient_on_cpu(ConvGrid const& grid, at::Tensor const& input, at::Tensor const& output_gradient,
                            at::Tensor const& taps_gradient) {
    T const* const from = input.const_data_ptr<T>();
    T const* const gradient = output_gradient.const_data_ptr<T>();
    T* const to = taps_gradient.mutable_data_ptr<T>();
    std::int64_t const num_blocks = (grid.channels + kConvChannelBlock - 1) / kConvChannelBlock;
    parallel_ranges(num_blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        depthwise_conv3d_weight_gradient(grid, from, gradient, to, begin, end);
    });
}

/// (27, D) in `result`.
at::Tensor taps_gradient_of(at::Tensor const& input, at::Tensor const& output_gradient,
                            at::ScalarType result) {
    ConvGrid const grid = grid_of(input);
#if defined(CTCLIP_CUDA)
    if (input.is_cuda()) {
        at::Tensor const parts =
            at::empty({conv_num_parts(grid), kConvTaps, grid.channels}, input.options().dtype(at::kDouble));
        require_launched(
            launch_depthwise_conv3d_weight_gradient(dtype_of(input.scalar_type()), grid,
                                                    input.const_data_ptr(), output_gradient.const_data_ptr(),
                                                    parts.mutable_data_ptr<double>(), stream_of(input)),
            "PEG convolution");
        return parts.sum({0}).to(result);
    }
#endif
    at::ScalarType const type = cpu_type(input.scalar_type());
    at::Tensor const taps_gradient = at::empty({kConvTaps, grid.channels}, input.options().dtype(type));
    if (input.is_cpu()) {
        at::Tensor const from = input.to(type);
        at::Tensor const gradient = output_gradient.to(type);
        type == at::kDouble ? weight_gradient_on_cpu<double>(grid, from, gradient, taps_gradient)
                            : weight_gradient_on_cpu<float>(grid, from, gradient, taps_gradient);
    }
    return taps_gradient.to(result);
}

}  // namespace

at::Tensor add_convolution(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias,
                           PrecisionPolicy const& policy) {
    at::ScalarType const compute = policy.of(Operation::kConvolution);
    at::Tensor const convolved =
        convolve(ConvReach::kForward, x.to(compute), taps_first(weight).to(compute), bias.to(compute));
    return convolved.scalar_type() == x.scalar_type() ? convolved.add_(x) : x + convolved;
}

ConvolutionGradients add_convolution_backward(at::Tensor const& gradient, at::Tensor const& x,
                                              at::Tensor const& weight, PrecisionPolicy const& policy) {
    at::ScalarType const compute = policy.of(Operation::kConvolution);
    at::ScalarType const master = policy.of(Operation::kGradient);
    at::Tensor const rounded = gradient.to(compute);
    at::Tensor const taps_gradient = taps_gradient_of(x.to(compute), rounded, master);
    at::Tensor const convolved =
        convolve(ConvReach::kBackward, rounded, taps_first(weight).to(compute), at::Tensor());
    return {gradient + convolved, taps_gradient.t().reshape(weight.sizes()),
            gradient.sum({0, 1, 2, 3}, false, master)};
}

}  // namespace ctclip
