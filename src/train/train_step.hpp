/// One optimizer step: the heart of training, in one place.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>

#include "dist/communicator.hpp"
#include "loader/host_batch.hpp"
#include "loss/contrastive_loss.hpp"
#include "model/clip_model.hpp"
#include "optim/gradient_sync.hpp"
#include "optim/optimizer.hpp"
#include "train/step_timer.hpp"

namespace ctclip {

struct StepResult {
    at::Tensor loss;  ///< 0-d float32 on the device: mean over micro-batches and ranks
    StepOutcome outcome;
    StepTimer timer;
};

class TrainStep {
  public:
    /// All are used, not owned. @param communicator  over the memory of the model's device.
    TrainStep(ClipModel const& model, Optimizer& optimizer, GradientSync& gradient_sync,
              Communicator& communicator, LossOptions const& loss_options, std::uint64_t seed,
              at::Device device);

    /// Collective. @param step  index of this step from 0: dropout is a pure function of it and the seed.
    /// @param micro_batches  this rank's, all of one size; each counts the same.
    /// @param timer  goes on in the result.
    StepResult run(std::int64_t step, std::span<HostBatch const* const> micro_batches, StepTimer timer);

  private:
    struct Forward {
        at::Tensor loss;  // to back-propagate
        CodebookStatistics statistics;
    };

    Forward forward(HostBatch const& batch, std::uint64_t dropout_seed) const;
    void sum_over_ranks(CodebookStatistics const& statistics) const;
    void average_over_ranks(at::Tensor const& loss) const;

    ClipModel const& model_;
    Optimizer& optimizer_;
    GradientSync& gradient_sync_;
    Communicator& communicator_;
    LossOptions loss_options_;
    std::uint64_t dropout_seed_;
    at::Device device_;
};

}  // namespace ctclip
