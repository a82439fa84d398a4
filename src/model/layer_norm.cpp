#include "model/layer_norm.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <optional>

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::optional<at::Tensor> if_defined(at::Tensor const& tensor) {
    return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

class LayerNormFunction : public torch::autograd::Function<LayerNormFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& x, at::Tensor const& gain,
                              std::optional<at::Tensor> const& optional_bias, double eps) {
        at::Tensor const bias = optional_bias.value_or(at::Tensor());
        NormalisedRows const normalised = normalise_rows(x.reshape({-1, x.size(-1)}), gain, bias, eps);
        context->save_for_backward({x, gain, bias, normalised.mean, normalised.rstd});
        return normalised.value.view(x.sizes());
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        variable_list const saved = context->get_saved_variables();
        std::int64_t const dim = saved[0].size(-1);
        NormGradients const norm =
            normalise_rows_backward(gradients[0].reshape({-1, dim}), saved[0].reshape({-1, dim}),
                                    {at::Tensor(), saved[3], saved[4]}, saved[1], saved[2]);
        return {norm.rows.view(saved[0].sizes()), norm.gain, norm.bias, {}};
    }
};

}  // namespace

at::Tensor layer_norm(at::Tensor const& x, at::Tensor const& gain, at::Tensor const& bias, double eps) {
    return LayerNormFunction::apply(x, gain, if_defined(bias), eps);
}

NormalisedRows normalise_rows(at::Tensor const& rows, at::Tensor const& gain, at::Tensor const& bias,
                              double eps) {
    if (rows.is_meta()) {  // LibTorch's operator has no shape function
        at::Tensor const statistic = at::empty({rows.size(0), 1}, rows.options());
        return {at::empty_like(rows), statistic, statistic};
    }
    auto [value, mean, rstd] =
        at::native_layer_norm(rows, {rows.size(1)}, if_defined(gain), if_defined(bias), eps);
    return {value, mean, rstd};
}

NormGradients normalise_rows_backward(at::Tensor const& gradient, at::Tensor const& rows,
                                      NormalisedRows const& normalised, at::Tensor const& gain,
                                      at::Tensor const& bias) {
    if (rows.is_meta()) {
        return {at::empty_like(rows), at::empty_like(gain), bias.defined() ? at::empty_like(bias) : bias};
    }
    auto [rows_gradient, gain_gradient, bias_gradient] = at::native_layer_norm_backward(
        gradient, rows, {rows.size(1)}, normalised.mean, normalised.rstd, if_defined(gain), if_defined(bias),
        {true, gain.defined(), bias.defined()});
    return {rows_gradient, gain_gradient, bias_gradient};
}

}  // namespace ctclip
