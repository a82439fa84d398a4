/// Trades time for memory: a layer's intermediates are dropped after the forward pass and made again in the
/// backward pass (Chen et al. 2016). Results are the same to the bit: dropout masks are functions of their
/// seeds.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

namespace ctclip {

/// What is kept for the backward pass.
enum class Recompute {
    kNone,    ///< everything that it needs
    kLayers,  ///< the input of every transformer layer; about a third more time
};

using LayerFunction = std::function<at::Tensor(std::vector<at::Tensor> const& activations)>;

/// layer(activations), with the gradients of `activations` and of the leaf tensors `weights` that `layer`
/// uses. `layer` is called a second time in the backward pass, so what it holds must live until then.
at::Tensor recomputed(LayerFunction const& layer, std::vector<at::Tensor> const& activations,
                      std::vector<at::Tensor> const& weights);

}  // namespace ctclip
