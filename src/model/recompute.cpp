#include "model/recompute.hpp"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Travels through the autograd context, which keeps it alive.
struct LayerHolder : torch::CustomClassHolder {
    LayerHolder(LayerFunction function, std::size_t num) : layer(std::move(function)), num_activations(num) {}

    LayerFunction layer;
    std::size_t num_activations;
};

class RecomputeFunction : public torch::autograd::Function<RecomputeFunction> {
  public:
    /// @param inputs  activations, then weights.
    static at::Tensor forward(AutogradContext* context, at::TensorList inputs,
                              c10::intrusive_ptr<LayerHolder> const& holder) {
        context->save_for_backward(inputs.vec());
        context->saved_data["layer"] = c10::IValue::make_capsule(holder);
        return holder->layer(inputs.slice(0, holder->num_activations).vec());
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        auto const holder =
            c10::static_intrusive_pointer_cast<LayerHolder>(context->saved_data["layer"].toCapsule());
        variable_list inputs = context->get_saved_variables();
        variable_list activations;
        for (std::size_t i = 0; i < holder->num_activations; ++i) {
            inputs[i] = inputs[i].detach().requires_grad_();
            activations.push_back(inputs[i]);
        }
        at::AutoGradMode const enable(true);
        at::Tensor const output = holder->layer(activations);
        variable_list result = torch::autograd::grad({output}, inputs, {gradients[0]});
        result.emplace_back();  // for the holder
        return result;
    }
};

}  // namespace

at::Tensor recomputed(LayerFunction const& layer, std::vector<at::Tensor> const& activations,
                      std::vector<at::Tensor> const& weights) {
    std::vector<at::Tensor> inputs = activations;
    inputs.insert(inputs.end(), weights.begin(), weights.end());
    return RecomputeFunction::apply(at::TensorList(inputs),
                                    c10::make_intrusive<LayerHolder>(layer, activations.size()));
}

}  // namespace ctclip
