#include "model/token_projection.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "model/depthwise_conv.hpp"
#include "model/layer_norm.hpp"
#include "model/matrix_product.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kEps = 1e-5;

at::Tensor rows_of(at::Tensor const& x) {
    return x.reshape({-1, x.size(-1)});
}

class TokenProjection : public torch::autograd::Function<TokenProjection> {
  public:
    static variable_list forward(AutogradContext* context, at::Tensor const& x, at::Tensor const& peg_weight,
                                 at::Tensor const& peg_bias, at::Tensor const& norm_gain,
                                 at::Tensor const& to_query, at::Tensor const& to_key_value,
                                 PrecisionPolicy const& policy) {
        context->save_for_backward({x, peg_weight, peg_bias, norm_gain, to_query, to_key_value});
        save_value(*context, policy);
        at::ScalarType const compute = policy.of(Operation::kLinear);
        at::ScalarType const result = policy.of(Operation::kAttentionProduct);
        at::Tensor const tokens = add_convolution(x, peg_weight, peg_bias, policy);
        at::Tensor const rows = rows_of(tokens);
        at::Tensor const normalised = normalise_rows(rows, norm_gain, {}, kEps).value;
        std::vector<std::int64_t> shape = x.sizes().vec();
        shape.back() = -1;
        return {tokens, matrix_product(normalised.to(compute), to_query.to(compute).t(), result).view(shape),
                matrix_product(rows.to(compute), to_key_value.to(compute).t(), result).view(shape)};
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        variable_list const saved = context->get_saved_variables();
        at::Tensor const& x = saved[0];
        at::Tensor const& norm_gain = saved[3];
        auto const& policy = saved_value<PrecisionPolicy>(*context);
        at::ScalarType const compute = policy.of(Operation::kLinear);
        at::ScalarType const master = policy.of(Operation::kGradient);
        at::Tensor const query_gradient = rows_of(gradients[1]).to(compute);
        at::Tensor const key_value_gradient = rows_of(gradients[2]).to(compute);

        at::Tensor const rows = rows_of(add_convolution(x, saved[1], saved[2], policy));
        NormalisedRows const normalised = normalise_rows(rows, norm_gain, {}, kEps);
        at::Tensor const to_query_gradient =
            matrix_product(query_gradient.t(), normalised.value.to(compute), master);
        at::Tensor const to_key_value_gradient =
            matrix_product(key_value_gradient.t(), rows.to(compute), master);

        NormGradients const norm = normalise_rows_backward(
            matrix_product(query_gradient, saved[4].to(compute), policy.of(Operation::kNorm)), rows,
            normalised, norm_gain, {});
        at::Tensor rows_gradient = norm.rows.add_(rows_of(gradients[0]));
        add_matrix_product(rows_gradient, key_value_gradient, saved[5].to(compute));
        ConvolutionGradients const peg =
            add_convolution_backward(rows_gradient.view(x.sizes()), x, saved[1], policy);
        return {peg.x, peg.weight, peg.bias, norm.gain, to_query_gradient, to_key_value_gradient, {}};
    }
};

}  // namespace

ProjectedTokens project_tokens(at::Tensor const& x, TokenProjectionWeights const& weights,
                               PrecisionPolicy const& policy) {
    variable_list const outputs =
        TokenProjection::apply(x, weights.peg_weight, weights.peg_bias, weights.norm_gain, weights.to_query,
                               weights.to_key_value, policy);
    return {outputs[0], outputs[1], outputs[2]};
}

}  // namespace ctclip
