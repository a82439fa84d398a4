/// One of CTViT's two stacks of transformer layers (class Transformer of transformer_maskgit).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/feed_forward.hpp"
#include "model/parameter_set.hpp"
#include "model/precision_policy.hpp"
#include "model/recompute.hpp"
#include "model/stage_observer.hpp"
#include "model/token_projection.hpp"

namespace ctclip {

/// Two readings of the same token memory.
struct TokenView {
    std::vector<std::int64_t> grid;  ///< (B, a, b, c, D): what the PEG takes it for, `a` being causal
    std::int64_t num_sequences = 0;  ///< (num_sequences, length, D): what the attention runs over
    std::int64_t length = 0;
};

class VisionTransformer {
  public:
    /// @param name  "spatial" or "temporal".   Holds tensors of `parameters`, not the set itself.
    VisionTransformer(std::string name, std::int64_t depth, ParameterSet const& parameters,
                      PrecisionPolicy const& policy, Recompute recompute);

    /// x in the residual type, any shape of view.grid's size, contiguous; result (num_sequences, length, D).
    /// @param bias  (heads, length, length), added to every layer's attention logits; undefined for none.
    at::Tensor run(at::Tensor x, TokenView const& view, at::Tensor const& bias,
                   StageObserver const& observer) const;

  private:
    struct Layer {
        TokenProjectionWeights projection;
        at::Tensor query_scale, key_scale;
        at::Tensor to_out;
        FeedForwardWeights feed_forward;

        std::vector<at::Tensor> weights() const;
    };

    static Layer make_layer(ParameterSet const& parameters, std::string const& prefix);
    static at::Tensor run_layer(Layer const& layer, at::Tensor const& x, TokenView const& view,
                                at::Tensor const& bias, PrecisionPolicy const& policy,
                                std::string const& stage, StageObserver const& observer);
    at::Tensor run_layer_recomputed(Layer const& layer, at::Tensor const& x, TokenView const& view,
                                    at::Tensor const& bias) const;

    std::string name_;
    PrecisionPolicy policy_;
    Recompute recompute_;
    std::vector<Layer> layers_;
    at::Tensor norm_gain_;
};

}  // namespace ctclip
