/// BERT: report tokens to the hidden state of [CLS] (Devlin et al. 2019).
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "model/model_options.hpp"
#include "model/parameter_set.hpp"
#include "model/precision_policy.hpp"
#include "model/recompute.hpp"
#include "model/stage_observer.hpp"
#include "model/text_layer.hpp"

namespace ctclip {

/// A batch of token ids, right-padded to its longest row. Padding beyond that changes the result by rounding
/// only.
struct TextBatch {
    at::Tensor ids;             ///< (B, L) int64, L <= max_positions
    at::Tensor attention_mask;  ///< (B, L), 1 = token, 0 = padding; undefined: no padding
};

/// Where the dropout of one forward pass comes from; see kernels/model_dropout.hpp.
struct TextDropout {
    std::uint64_t seed = 0;  ///< of this step and micro step
    std::int64_t first_sample =
        0;  ///< of the batch within the global batch, so that ranks draw as one rank would
};

class TextEncoder {
  public:
    /// Holds the tensors of `parameters`, not the set itself.
    TextEncoder(TextEncoderOptions const& options, ParameterSet const& parameters,
                PrecisionPolicy const& policy, Recompute recompute = Recompute::kNone);

    /// (B, hidden_size) in kResidual: the last layer's [CLS] state, not the pooler's. Without `dropout`:
    /// none, as in evaluation.
    /// @throws Error kBadInput if the batch is longer than max_positions or not (B, L).
    at::Tensor encode(TextBatch const& batch, std::optional<TextDropout> const& dropout,
                      StageObserver const& observer) const;

  private:
    at::Tensor embed(at::Tensor const& ids) const;
    at::Tensor run_layer(TextLayer const& layer, at::Tensor const& x, at::Tensor const& is_padding,
                         TextLayerDropout const& dropout) const;

    TextEncoderOptions options_;
    Recompute recompute_;
    at::Tensor word_embeddings_, position_embeddings_, token_type_embeddings_;
    at::Tensor norm_gain_, norm_bias_;
    std::vector<TextLayer> layers_;
};

}  // namespace ctclip
