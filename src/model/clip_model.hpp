/// CT-CLIP: both encoders and the projections to the shared latent space (Hamamci et al. 2024,
/// "CT-CLIP"; class CTCLIP).
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <utility>

#include "model/model_options.hpp"
#include "model/parameter_set.hpp"
#include "model/precision_policy.hpp"
#include "model/stage_observer.hpp"
#include "model/text_encoder.hpp"
#include "model/vision_encoder.hpp"

namespace ctclip {

struct ImageLatents {
    at::Tensor latents;             ///< (B, E) in kLoss, L2-normalised
    CodebookStatistics statistics;  ///< in Mode::kTrain; hand them to update_codebook once a step
};

/// Functional: no state but the tensors of the parameter set it was made from.
class ClipModel {
  public:
    ClipModel(ModelOptions const& options, ParameterSet const& parameters, PrecisionPolicy const& policy,
              Recompute recompute = Recompute::kNone);

    /// @param volume  (B, 1, T, H, W).   @throws Error kBadInput on a shape that does not fit.
    ImageLatents encode_image(at::Tensor const& volume, Mode mode) const;

    /// (B, E) in kLoss, L2-normalised. Dropout only where given.
    at::Tensor encode_text(TextBatch const& batch,
                           std::optional<TextDropout> const& dropout = std::nullopt) const;

    at::Tensor const& temperature() const { return temperature_; }  ///< 0-d; logit scale = exp(temperature)
    at::Tensor const& logit_bias() const { return logit_bias_; }    ///< 0-d; undefined unless SigLIP

    /// One step of the codebook's moving average, once per optimizer step, with the statistics of all its
    /// micro steps (and ranks) summed. `skip`: see vector_quantiser.hpp.
    void update_codebook(CodebookStatistics const& statistics, at::Tensor const& skip = {}) const;

    PrecisionPolicy const& policy() const { return policy_; }

  private:
    friend class ObserverScope;

    PrecisionPolicy policy_;
    VisionEncoder vision_;
    TextEncoder text_;
    at::Tensor to_visual_latent_;
    at::Tensor to_text_latent_;
    at::Tensor temperature_;
    at::Tensor logit_bias_;
    StageObserver observer_;
};

/// As long as it lives, `observer` sees the stages of the model: one at a time, which may end with an exception.
class ObserverScope {
  public:
    ObserverScope(ClipModel& model, StageObserver observer) : model_(model) {
        model_.observer_ = std::move(observer);
    }
    ObserverScope(ObserverScope const&) = delete;
    ObserverScope& operator=(ObserverScope const&) = delete;
    ~ObserverScope() { model_.observer_ = nullptr; }

  private:
    ClipModel& model_;
};

}  // namespace ctclip
