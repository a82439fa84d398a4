#include "model/feed_forward.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "model/block_size.hpp"
#include "model/layer_norm.hpp"
#include "model/matrix_product.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kEps = 1e-5;

std::int64_t padded_width(std::int64_t width, at::ScalarType compute) {
    bool const is_half = compute == at::kHalf || compute == at::kBFloat16;
    return is_half ? (width + 7) / 8 * 8 : width;
}

/// The weights in the compute type, F padded to P.
struct RoundedWeights {
    at::Tensor expand;    ///< (2P, D)
    at::Tensor contract;  ///< (D, P)
};

RoundedWeights round_weights(at::Tensor const& expand, at::Tensor const& contract, at::ScalarType compute) {
    std::int64_t const width = contract.size(1);
    std::int64_t const padded = padded_width(width, compute);
    if (padded == width) {
        return {expand.to(compute), contract.to(compute)};
    }
    RoundedWeights rounded{at::zeros({2 * padded, expand.size(1)}, expand.options().dtype(compute)),
                           at::zeros({contract.size(0), padded}, contract.options().dtype(compute))};
    rounded.expand.view({2, padded, -1}).narrow(1, 0, width).copy_(expand.view({2, width, -1}));
    rounded.contract.narrow(1, 0, width).copy_(contract);
    return rounded;
}

/// value * GELU(gate). hidden (n, 2P) -> (n, P).
at::Tensor gated(at::Tensor const& hidden) {
    std::int64_t const padded = hidden.size(1) / 2;
    return at::gelu(hidden.narrow(1, padded, padded)).mul_(hidden.narrow(1, 0, padded));
}

/// Gradient of `hidden`, and the gated product once more.
struct GatedBackward {
    at::Tensor product;          ///< (n, P)
    at::Tensor hidden_gradient;  ///< (n, 2P)
};

GatedBackward gated_backward(at::Tensor const& product_gradient, at::Tensor const& hidden) {
    std::int64_t const padded = hidden.size(1) / 2;
    at::Tensor const value = hidden.narrow(1, 0, padded);
    at::Tensor const gate = hidden.narrow(1, padded, padded);
    at::Tensor const activation = at::gelu(gate);
    GatedBackward result{at::Tensor(), at::empty_like(hidden)};
    at::Tensor value_gradient = result.hidden_gradient.narrow(1, 0, padded);
    at::Tensor gate_gradient = result.hidden_gradient.narrow(1, padded, padded);
    at::mul_out(value_gradient, product_gradient, activation);
    at::gelu_backward_out(gate_gradient, product_gradient * value, gate);
    result.product = activation * value;
    return result;
}

class FeedForwardFunction : public torch::autograd::Function<FeedForwardFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& x, at::Tensor const& norm_gain,
                              at::Tensor const& norm_bias, at::Tensor const& expand,
                              at::Tensor const& contract, PrecisionPolicy const& policy) {
        at::ScalarType const compute = policy.of(Operation::kLinear);
        RoundedWeights const weights = round_weights(expand, contract, compute);
        at::Tensor const rows = x.reshape({-1, x.size(-1)});
        at::Tensor const hidden =
            at::empty({rows.size(0), weights.expand.size(0)}, x.options().dtype(compute));
        at::Tensor const output = rows.clone();
        for_each_block(rows.size(0), rows_per_block(hidden), [&](std::int64_t begin, std::int64_t count) {
            at::Tensor const normalised =
                normalise_rows(rows.narrow(0, begin, count), norm_gain, norm_bias, kEps).value.to(compute);
            at::Tensor block = hidden.narrow(0, begin, count);
            write_matrix_product(block, normalised, weights.expand.t());
            at::Tensor sum = output.narrow(0, begin, count);
            add_matrix_product(sum, gated(block), weights.contract.t());
        });
        context->save_for_backward({x, norm_gain, norm_bias, expand, contract, hidden});
        save_value(*context, policy);
        return output.view(x.sizes());
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        variable_list const saved = context->get_saved_variables();
        auto const& policy = saved_value<PrecisionPolicy>(*context);
        at::ScalarType const compute = policy.of(Operation::kLinear);
        RoundedWeights const weights = round_weights(saved[3], saved[4], compute);
        at::Tensor const& hidden = saved[5];
        at::Tensor const rows = saved[0].reshape({-1, saved[0].size(-1)});
        at::Tensor const gradient = gradients[0].reshape(rows.sizes());

        at::Tensor rows_gradient = gradient.clone();
        at::Tensor gain_gradient = at::zeros_like(saved[1]);
        at::Tensor bias_gradient = at::zeros_like(saved[2]);
        at::TensorOptions const master = rows.options().dtype(policy.of(Operation::kGradient));
        at::Tensor expand_gradient = at::zeros(weights.expand.sizes(), master);
        at::Tensor contract_gradient = at::zeros(weights.contract.sizes(), master);
        for_each_block(rows.size(0), rows_per_block(hidden), [&](std::int64_t begin, std::int64_t count) {
            at::Tensor const block = rows.narrow(0, begin, count);
            at::Tensor const block_gradient = gradient.narrow(0, begin, count).to(compute);
            GatedBackward const gate = gated_backward(
                matrix_product(block_gradient, weights.contract, compute), hidden.narrow(0, begin, count));
            add_matrix_product(contract_gradient, block_gradient.t(), gate.product);

            NormalisedRows const normalised = normalise_rows(block, saved[1], saved[2], kEps);
            add_matrix_product(expand_gradient, gate.hidden_gradient.t(), normalised.value.to(compute));
            NormGradients const norm = normalise_rows_backward(
                matrix_product(gate.hidden_gradient, weights.expand, policy.of(Operation::kNorm)), block,
                normalised, saved[1], saved[2]);
            rows_gradient.narrow(0, begin, count).add_(norm.rows);
            gain_gradient.add_(norm.gain);
            bias_gradient.add_(norm.bias);
        });
        std::int64_t const width = saved[4].size(1);
        std::int64_t const padded = weights.contract.size(1);
        return {rows_gradient.view(saved[0].sizes()),
                gain_gradient,
                bias_gradient,
                expand_gradient.view({2, padded, -1}).narrow(1, 0, width).reshape({2 * width, -1}),
                contract_gradient.narrow(1, 0, width).contiguous(),
                {}};
    }

  private:
    static std::int64_t rows_per_block(at::Tensor const& hidden) {
        return block_size(hidden, hidden.size(0), hidden.size(1) * static_cast<std::int64_t>(sizeof(float)));
    }
};

}  // namespace

at::Tensor feed_forward(at::Tensor const& x, FeedForwardWeights const& weights,
                        PrecisionPolicy const& policy) {
    return FeedForwardFunction::apply(x, weights.norm_gain, weights.norm_bias, weights.expand,
                                      weights.contract, policy);
}

}  // namespace ctclip
