#include "model/layer_norm.hpp"

#include <optional>

namespace ctclip {
namespace {

std::optional<at::Tensor> if_defined(at::Tensor const& tensor) {
    return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

}  // namespace

at::Tensor layer_norm(at::Tensor const& x, at::Tensor const& gain, at::Tensor const& bias, double eps) {
    return std::get<0>(at::native_layer_norm(x, {x.size(-1)}, gain, if_defined(bias), eps));
}

NormalisedRows normalise_rows(at::Tensor const& rows, at::Tensor const& gain, at::Tensor const& bias,
                              double eps) {
    auto [value, mean, rstd] =
        at::native_layer_norm(rows, {rows.size(1)}, if_defined(gain), if_defined(bias), eps);
    return {value, mean, rstd};
}

NormGradients normalise_rows_backward(at::Tensor const& gradient, at::Tensor const& rows,
                                      NormalisedRows const& normalised, at::Tensor const& gain,
                                      at::Tensor const& bias) {
    auto [rows_gradient, gain_gradient, bias_gradient] = at::native_layer_norm_backward(
        gradient, rows, {rows.size(1)}, normalised.mean, normalised.rstd, if_defined(gain), if_defined(bias),
        {true, gain.defined(), bias.defined()});
    return {rows_gradient, gain_gradient, bias_gradient};
}

}  // namespace ctclip
