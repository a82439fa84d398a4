#include "model/latent_projection.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "model/matrix_product.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class LatentProjection : public torch::autograd::Function<LatentProjection> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& x, at::Tensor const& weight,
                              PrecisionPolicy const& policy) {
        context->save_for_backward({x, weight});
        save_value(*context, policy);
        at::ScalarType const compute = policy.of(Operation::kLinear);
        return matrix_product(x.to(compute), weight.to(compute).t(), policy.of(Operation::kLoss));
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        variable_list const saved = context->get_saved_variables();
        at::Tensor const& x = saved[0];
        at::Tensor const& weight = saved[1];
        auto const& policy = saved_value<PrecisionPolicy>(*context);
        at::ScalarType const compute = policy.of(Operation::kLinear);
        at::Tensor const gradient = gradients[0].to(compute);
        return {matrix_product(gradient, weight.to(compute), x.scalar_type()),
                weight_gradient(gradient.t(), x.to(compute), weight),
                {}};
    }

  private:
    static at::Tensor weight_gradient(at::Tensor const& gradient, at::Tensor const& x,
                                      at::Tensor const& weight) {
        at::Tensor accumulated = weight.grad();
        if (!accumulated.defined()) {
            return matrix_product(gradient, x, weight.scalar_type());
        }
        add_matrix_product(accumulated, gradient, x);
        return at::zeros({1, 1}, weight.options()).expand(weight.sizes());
    }
};

}  // namespace

at::Tensor latent_projection(at::Tensor const& x, at::Tensor const& weight, PrecisionPolicy const& policy) {
    return LatentProjection::apply(x, weight, policy);
}

}  // namespace ctclip
