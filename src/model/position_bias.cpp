#include "model/position_bias.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "kernels/model_position_bias.hpp"
#include "model/device_launch.hpp"
#include "model/linear.hpp"
#include "model/parallel_ranges.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class T>
void spread_on_cpu(BiasPlane const& plane, at::Tensor const& table, at::Tensor const& bias) {
    T const* const from = table.const_data_ptr<T>();
    T* const to = bias.mutable_data_ptr<T>();
    parallel_ranges(plane.heads * plane.num_tokens(), 64, [&](std::int64_t begin, std::int64_t end) {
        spread_position_bias(plane, from, to, begin, end);
    });
}

template <class T>
void collect_on_cpu(BiasPlane const& plane, at::Tensor const& bias_gradient,
                    at::Tensor const& table_gradient) {
    T const* const from = bias_gradient.const_data_ptr<T>();
    T* const to = table_gradient.mutable_data_ptr<T>();
    parallel_ranges(plane.heads * plane.num_offsets(), 256, [&](std::int64_t begin, std::int64_t end) {
        collect_position_bias(plane, from, to, begin, end);
    });
}

#if defined(CTCLIP_CUDA)
template <class T>
void spread_on_gpu(BiasPlane const& plane, at::Tensor const& table, at::Tensor const& bias) {
    require_launched(launch_spread_position_bias(plane, table.const_data_ptr<T>(), bias.mutable_data_ptr<T>(),
                                                 stream_of(table)),
                     "position bias");
}

template <class T>
void collect_on_gpu(BiasPlane const& plane, at::Tensor const& bias_gradient, at::Tensor const& table_gradient) {
    require_launched(launch_collect_position_bias(plane, bias_gradient.const_data_ptr<T>(),
                                                  table_gradient.mutable_data_ptr<T>(), stream_of(bias_gradient)),
                     "position bias");
}
#endif

/// table (heads, offsets) -> bias (heads, tokens, tokens)
class SpreadFunction : public torch::autograd::Function<SpreadFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& table, std::int64_t height,
                              std::int64_t width) {
        BiasPlane const plane{table.size(0), height, width};
        save_value(*context, plane);
        at::Tensor const bias =
            at::empty({plane.heads, plane.num_tokens(), plane.num_tokens()}, table.options());
        if (table.is_cpu()) {
            table.scalar_type() == at::kDouble ? spread_on_cpu<double>(plane, table, bias)
                                               : spread_on_cpu<float>(plane, table, bias);
        }
#if defined(CTCLIP_CUDA)
        if (table.is_cuda()) {
            table.scalar_type() == at::kDouble ? spread_on_gpu<double>(plane, table, bias)
                                               : spread_on_gpu<float>(plane, table, bias);
        }
#endif
        return bias;
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        at::Tensor const bias_gradient = gradients[0].contiguous();
        auto const& plane = saved_value<BiasPlane>(*context);
        at::Tensor const table_gradient =
            at::empty({plane.heads, plane.num_offsets()}, bias_gradient.options());
        if (bias_gradient.is_cpu()) {
            bias_gradient.scalar_type() == at::kDouble
                ? collect_on_cpu<double>(plane, bias_gradient, table_gradient)
                : collect_on_cpu<float>(plane, bias_gradient, table_gradient);
        }
#if defined(CTCLIP_CUDA)
        if (bias_gradient.is_cuda()) {
            bias_gradient.scalar_type() == at::kDouble
                ? collect_on_gpu<double>(plane, bias_gradient, table_gradient)
                : collect_on_gpu<float>(plane, bias_gradient, table_gradient);
        }
#endif
        return {table_gradient, {}, {}};
    }
};

/// sign(d) ln(|d| + 1) for every offset (dy, dx), dx fastest: (offsets, 2), y first.
at::Tensor offset_features(std::int64_t height, std::int64_t width, at::TensorOptions const& options) {
    at::Tensor const dy = at::arange(1 - height, height, options);
    at::Tensor const dx = at::arange(1 - width, width, options);
    at::Tensor const offsets = at::stack({dy.unsqueeze(1).expand({dy.size(0), dx.size(0)}),
                                          dx.unsqueeze(0).expand({dy.size(0), dx.size(0)})},
                                         -1)
                                   .view({-1, 2});
    at::Tensor const signs = at::sign(offsets);
    return signs * at::log(offsets * signs + 1);
}

}  // namespace

at::Tensor position_bias(PositionBiasWeights const& weights, std::int64_t height, std::int64_t width,
                         PrecisionPolicy const& policy) {
    at::ScalarType const compute = policy.of(Operation::kActivation);
    at::ScalarType const softmax = policy.of(Operation::kSoftmax);
    constexpr double kNegativeSlope = 0.1;
    at::Tensor x =
        offset_features(height, width, weights.in_weight.options().dtype(softmax).requires_grad(false));
    x = at::leaky_relu(linear(x, weights.in_weight, weights.in_bias, policy, compute), kNegativeSlope);
    x = at::leaky_relu(linear(x, weights.hidden_weight, weights.hidden_bias, policy, compute),
                       kNegativeSlope);
    x = linear(x, weights.out_weight, weights.out_bias, policy, softmax);
    return SpreadFunction::apply(x.t().contiguous(), height, width);
}

}  // namespace ctclip
