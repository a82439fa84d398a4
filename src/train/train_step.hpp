/// One optimizer step: the heart of training, in one place.
///
/// With several chunks a batch is computed piece by piece, and still contrasted as a whole (GradCache, Gao et
/// al. 2021): the latents of all pieces first, without what a backward pass needs; the loss and its gradient
/// at the latents; then every piece again, back-propagating that gradient. Memory is that of one piece, beside the
/// batch's volumes, which both passes read; time one more forward pass; the result that of the whole batch.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "dist/communicator.hpp"
#include "loss/contrastive_loss.hpp"
#include "model/clip_model.hpp"
#include "model/device_batch.hpp"
#include "optim/gradient_sync.hpp"
#include "optim/optimizer.hpp"
#include "train/step_timer.hpp"
#include "train/step_traces.hpp"

namespace ctclip {

struct StepResult {
    at::Tensor loss;  ///< 0-d float32 on the device: mean over micro-batches and ranks
    StepOutcome outcome;
    at::Tensor used_codes;  ///< (codes) bool on the device: codes that some token of some rank took
    StepTraces traces;
    std::optional<double> sync_hidden_share;  ///< GradientSync::hidden_share()
    StepTimer timer;
};

struct StepSettings {
    LossOptions loss;
    std::uint64_t seed = 0;       ///< of the run: dropout derives from it
    std::int64_t num_chunks = 1;  ///< pieces in which a batch is computed
};

/// The micro-batches of a step on this rank, all of one size; each counts the same. Each is asked for once the one
/// before has been computed and given back: a step holds one of them, however many it takes.
struct MicroBatches {
    std::int64_t count = 1;
    std::function<UploadedBatch()> next;
};

/// Latents of some rows of a batch.
struct RowLatents {
    at::Tensor text;   ///< (n, E)
    at::Tensor image;  ///< (n, E)
    CodebookStatistics statistics;
    at::Tensor volume_sums;  ///< (n), in Mode::kTrain
};

class TrainStep {
  public:
    /// All are used, not owned. @param communicator  over the memory of the model's device.
    TrainStep(ClipModel const& model, Optimizer& optimizer, GradientSync& gradient_sync,
              Communicator& communicator, StepSettings const& settings);

    /// Collective. Reads nothing back from the device.
    /// @param step  index of this step from 0: dropout is a pure function of it and the seed.
    /// @param timer  goes on in the result.
    StepResult run(std::int64_t step, MicroBatches const& micro_batches, StepTimer timer);

    /// Of one micro-batch in a step: the seed of its dropout.
    std::uint64_t dropout_seed(std::int64_t step, std::int64_t micro_step,
                               std::int64_t num_micro_steps) const;
    /// Not collective.
    RowLatents encode(UploadedBatch const& batch, RowRange rows, std::uint64_t dropout_seed, Mode mode) const;

  private:
    struct MicroStep {
        UploadedBatch const& batch;
        std::uint64_t dropout_seed = 0;
        double weight = 1.0;   // of its loss in that of the step
        bool is_last = false;  // its gradients complete the step
    };

    /// Forward and backward; the latents come back detached, with the loss on this rank, weighted.
    std::pair<RowLatents, at::Tensor> compute(MicroStep const& micro_step, StepTimer& timer);
    std::pair<RowLatents, at::Tensor> compute_in_chunks(MicroStep const& micro_step, StepTimer& timer);
    RowLatents encode_without_gradient(MicroStep const& micro_step, std::span<RowRange const> chunks) const;
    at::Tensor loss_of(RowLatents const& latents) const;
    void sum_over_ranks(CodebookStatistics const& statistics) const;
    void average_over_ranks(at::Tensor const& loss) const;

    ClipModel const& model_;
    Optimizer& optimizer_;
    GradientSync& gradient_sync_;
    Communicator& communicator_;
    StepSettings settings_;
    std::uint64_t dropout_seed_;
};

}  // namespace ctclip
