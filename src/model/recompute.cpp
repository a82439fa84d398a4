#include "model/recompute.hpp"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct RecomputePlan {
    LayerFunction layer;
    std::size_t num_activations = 0;
};

class RecomputeFunction : public torch::autograd::Function<RecomputeFunction> {
  public:
    /// @param inputs  activations, then weights.
    static at::Tensor forward(AutogradContext* context, at::TensorList inputs, RecomputePlan const& plan) {
        context->save_for_backward(inputs.vec());
        save_value(*context, plan);
        return plan.layer(inputs.slice(0, plan.num_activations).vec());
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        auto const& plan = saved_value<RecomputePlan>(*context);
        variable_list inputs = context->get_saved_variables();
        variable_list activations;
        for (std::size_t i = 0; i < plan.num_activations; ++i) {
            inputs[i] = inputs[i].detach().requires_grad_();
            activations.push_back(inputs[i]);
        }
        at::AutoGradMode const enable(true);
        at::Tensor const output = plan.layer(activations);
        variable_list result = torch::autograd::grad({output}, inputs, {gradients[0]});
        result.emplace_back();  // for the plan
        return result;
    }
};

}  // namespace

at::Tensor recomputed(LayerFunction const& layer, std::vector<at::Tensor> const& activations,
                      std::vector<at::Tensor> const& weights) {
    std::vector<at::Tensor> inputs = activations;
    inputs.insert(inputs.end(), weights.begin(), weights.end());
    return RecomputeFunction::apply(at::TensorList(inputs), RecomputePlan{layer, activations.size()});
}

}  // namespace ctclip
