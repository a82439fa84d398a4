/// Why was a step skipped? Names the first thing that was not finite: rank, study, stage of the model,
/// parameter. Runs only after a skip is seen, from what the step left behind (step_traces.hpp); where a
/// forward pass broke, the batch is read again and followed stage by stage.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "model/clip_model.hpp"
#include "model/device_batch.hpp"
#include "optim/named_tensor.hpp"
#include "train/train_step.hpp"

namespace ctclip {

/// Where to look, from harmless to fatal. A finding explains the lesser ones of all ranks.
enum class FindingKind : char { kNothing = '0', kGradient = '1', kLoss = '2', kForward = '3', kInput = '4' };

struct Finding {
    FindingKind kind = FindingKind::kNothing;
    std::string text;  ///< for people: "rank 2: the gradient of ... is not finite"
};

/// @returns whether the next one is wanted.
using LookAtBatch = std::function<bool(std::size_t micro_step, UploadedBatch const& batch)>;

/// A skipped step on this rank.
struct SuspectStep {
    std::int64_t step = 0;  ///< index, from 0
    StepTraces const& traces;
    at::Tensor gradient_norms;                             ///< StepOutcome::gradient_norms()
    std::span<std::vector<std::string> const> pseudonyms;  ///< of each micro-batch's rows
    /// The step's batches once more, one at a time, until `look` says that it has seen enough.
    std::function<void(LookAtBatch const& look)> read_again;
};

class OverflowForensics {
  public:
    /// All are used, not owned. @param parameters  in the order of the gradients.
    OverflowForensics(ClipModel& model, TrainStep const& train_step, NamedTensors const& parameters,
                      Communicator& host);

    /// Collective; waits for the device. The same answer on every rank.
    Finding explain(SuspectStep const& suspect) const;

  private:
    Finding look_at_this_rank(SuspectStep const& suspect) const;
    Finding look_at_volumes(SuspectStep const& suspect) const;
    Finding look_at_latents(SuspectStep const& suspect, std::size_t micro_step) const;
    Finding look_at_tokens(SuspectStep const& suspect) const;
    Finding look_at_gradients(SuspectStep const& suspect) const;
    std::string first_stage(SuspectStep const& suspect, UploadedBatch const& batch, std::size_t micro_step,
                            std::int64_t row) const;

    ClipModel& model_;
    TrainStep const& train_step_;
    NamedTensors const& parameters_;
    Communicator& host_;
};

}  // namespace ctclip
