/// CTViT: a CT volume to a grid of quantised tokens (Hamamci et al. 2023, "GenerateCT").
#pragma once

#include <ATen/ATen.h>

#include "model/model_options.hpp"
#include "model/parameter_set.hpp"
#include "model/patch_embedding.hpp"
#include "model/position_bias.hpp"
#include "model/precision_policy.hpp"
#include "model/recompute.hpp"
#include "model/stage_observer.hpp"
#include "model/vector_quantiser.hpp"
#include "model/vision_transformer.hpp"

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
                  PrecisionPolicy const& policy, Recompute recompute = Recompute::kNone);

    /// @param volume  (B, 1, T, H, W), any float type, T a multiple of the temporal patch.
    /// @throws Error kBadInput on any other shape.
    EncodedVolume encode(at::Tensor const& volume, Mode mode, StageObserver const& observer) const;

    void update_codebook(CodebookStatistics const& statistics, at::Tensor const& skip) const;

  private:
    void check(at::Tensor const& volume) const;
    EncodedVolume quantised(at::Tensor const& tokens, Mode mode, StageObserver const& observer) const;

    ImageEncoderOptions options_;
    PrecisionPolicy policy_;
    PatchEmbeddingWeights patch_embedding_;
    PositionBiasWeights position_bias_;
    VisionTransformer spatial_;
    VisionTransformer temporal_;
    at::Tensor embed_;         ///< (codes, D)
    at::Tensor cluster_size_;  ///< (codes)
};

}  // namespace ctclip
