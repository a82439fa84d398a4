/// CTViT: a CT volume to a grid of quantised tokens (spec/ct_clip.md 2.1-2.5).
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "model/feed_forward.hpp"
#include "model/model_options.hpp"
#include "model/parameter_set.hpp"
#include "model/patch_embedding.hpp"
#include "model/position_bias.hpp"
#include "model/precision_policy.hpp"
#include "model/stage_observer.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {

/// kTrain also sums what the codebook's moving average needs.
enum class Mode { kTrain, kEvaluate };

struct EncodedVolume {
    at::Tensor tokens;              ///< (B, t, h, w, D): codebook rows, in kResidual
    at::Tensor indices;             ///< (B, t, h, w) int64
    CodebookStatistics statistics;  ///< in Mode::kTrain
};

class VisionEncoder {
  public:
    /// Holds the tensors of `parameters`, not the set itself.
    VisionEncoder(ImageEncoderOptions const& options, ParameterSet const& parameters,
                  PrecisionPolicy const& policy);

    /// @param volume  (B, 1, T, H, W), any float type, T a multiple of the temporal patch.
    /// @throws Error kBadInput on any other shape.
    EncodedVolume encode(at::Tensor const& volume, Mode mode, StageObserver const& observer) const;

    at::Tensor const& codebook() const { return embed_; }  ///< (codes, D), a view of the buffer
    void update_codebook(CodebookStatistics const& statistics, at::Tensor const& skip) const;

  private:
    struct Layer {
        at::Tensor peg_weight, peg_bias;
        at::Tensor norm_gain;
        at::Tensor to_query, to_key_value, to_out;
        at::Tensor query_scale, key_scale;
        FeedForwardWeights feed_forward;
    };
    struct Stack {
        std::string name;  ///< "spatial", "temporal"
        std::vector<Layer> layers;
        at::Tensor norm_gain;
    };

    static Layer make_layer(ParameterSet const& parameters, std::string const& prefix);
    static Stack make_stack(ParameterSet const& parameters, std::string const& name, std::int64_t depth);

    /// @param grid  (B, a, b, c, D): what the PEG takes the memory for.
    /// @param sequences  (G, L): the same memory as sequences of tokens.
    struct View {
        std::vector<std::int64_t> grid;
        std::vector<std::int64_t> sequences;
    };
    at::Tensor run(Stack const& stack, at::Tensor x, View const& view, at::Tensor const& bias,
                   StageObserver const& observer) const;
    at::Tensor attention(Layer const& layer, at::Tensor const& x, at::Tensor const& bias) const;
    void check(at::Tensor const& volume) const;

    ImageEncoderOptions options_;
    PrecisionPolicy policy_;
    PatchEmbeddingWeights patch_embedding_;
    PositionBiasWeights position_bias_;
    Stack spatial_;
    Stack temporal_;
    at::Tensor embed_;         ///< (codes, D)
    at::Tensor cluster_size_;  ///< (codes)
};

}  // namespace ctclip
