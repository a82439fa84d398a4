#include "model/linear.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <vector>

#include "model/matrix_product.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor as_rows(at::Tensor const& x) {
    return x.reshape({-1, x.size(-1)});
}

at::Tensor with_sizes_of(at::Tensor const& rows, at::Tensor const& x) {
    std::vector<std::int64_t> sizes = x.sizes().vec();
    sizes.back() = rows.size(1);
    return rows.view(sizes);
}

class LinearFunction : public torch::autograd::Function<LinearFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& x, at::Tensor const& weight,
                              std::optional<at::Tensor> const& bias, PrecisionPolicy const& policy,
                              at::ScalarType result) {
        context->save_for_backward({x, weight, bias.value_or(at::Tensor())});
        save_value(*context, policy);
        at::ScalarType const compute = policy.of(Operation::kLinear);
        at::Tensor const rounded_bias = bias ? bias->to(compute) : at::Tensor();
        return with_sizes_of(
            affine_product(as_rows(x).to(compute), weight.to(compute).t(), rounded_bias, result), x);
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        variable_list const saved = context->get_saved_variables();
        at::Tensor const& x = saved[0];
        auto const& policy = saved_value<PrecisionPolicy>(*context);
        at::ScalarType const compute = policy.of(Operation::kLinear);
        at::ScalarType const master = policy.of(Operation::kGradient);
        at::Tensor const gradient = as_rows(gradients[0]).to(compute);

        at::Tensor x_gradient;
        at::Tensor weight_gradient;
        at::Tensor bias_gradient;
        if (context->needs_input_grad(0)) {
            x_gradient = matrix_product(gradient, saved[1].to(compute), x.scalar_type()).view(x.sizes());
        }
        if (context->needs_input_grad(1)) {
            weight_gradient = matrix_product(gradient.t(), as_rows(x).to(compute), master);
        }
        if (saved[2].defined() && context->needs_input_grad(2)) {
            bias_gradient = as_rows(gradients[0]).sum({0}, false, master);
        }
        return {x_gradient, weight_gradient, bias_gradient, {}, {}};
    }
};

}  // namespace

at::Tensor linear(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias,
                  PrecisionPolicy const& policy, at::ScalarType result) {
    // torch::autograd::Function refuses undefined tensors, but takes optionals without one.
    std::optional<at::Tensor> const bias_if_any = bias.defined() ? std::optional(bias) : std::nullopt;
    return LinearFunction::apply(x, weight, bias_if_any, policy, result);
}

}  // namespace ctclip
