/// From averaged, scaled gradients to updated weights: unscale, check, clip, AdamW, loss scale and learning
/// rate (Micikevicius et al. 2018, Loshchilov and Hutter 2019). The whole step runs on the device without
/// waiting for it: whether the step was taken is decided there, and read by the host whenever it likes.
///
/// Not collective. Every rank sees the same averaged gradients, so every rank takes or skips the same steps;
/// a skipped step changes nothing but the loss scale and the counters of skips.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "optim/adamw.hpp"
#include "optim/host_copy.hpp"
#include "optim/loss_scaler.hpp"
#include "optim/named_tensor.hpp"
#include "optim/optimizer_options.hpp"

namespace ctclip {

/// What one step did.
struct StepReport {
    bool is_skipped = false;
    double grad_norm = 0.0;  ///< unscaled, before clipping; not finite in a skipped step
    double lr = 0.0;
    double loss_scale = 1.0;          ///< that this step's loss was multiplied with
    double next_loss_scale = 1.0;     ///< after it
    std::int64_t growth_tracker = 0;  ///< after it, as all below
    std::int64_t num_taken_steps = 0;
    std::int64_t num_skipped_steps = 0;
    std::int64_t num_consecutive_skips = 0;
};

/// A step's report, made on the device.
class StepOutcome {
  public:
    StepOutcome() = default;
    StepOutcome(at::Tensor packed, at::Tensor gradient_norms)
        : packed_(std::move(packed)), packed_on_host_(packed_), gradient_norms_(std::move(gradient_norms)) {}

    /// Waits until the optimizer is done, and for nothing that the device was given after it: not for the codebook's
    /// update, which ends a training step.
    StepReport read() const;

    /// float64 [] on the device: 1 if the step was skipped, else 0. For whatever else must then stay as it is
    /// (the codebook). Nothing waits.
    at::Tensor skipped() const { return packed_.select(0, 0); }
    /// float64 [parameters] on the device: norm of each averaged gradient, still scaled. Names what overflowed.
    at::Tensor const& gradient_norms() const { return gradient_norms_; }

  private:
    at::Tensor packed_;  // float64 [9], in the order of StepReport
    HostCopy packed_on_host_;
    at::Tensor gradient_norms_;
};

struct OptimizerState {
    AdamWState adamw;
    LossScalerState loss_scaler;
};

class Optimizer {
  public:
    /// @param parameters  see AdamW.
    /// @param max_steps   that will be taken at most, for the table of learning rates; more is an error at
    /// the step.
    Optimizer(NamedTensors parameters, OptimizerOptions const& options, std::int64_t max_steps);

    /// Multiply the loss with this before backward.
    at::Tensor scaled(at::Tensor const& loss) const { return scaler_.scaled(loss); }

    /// @param gradients  of the scaled loss, averaged over ranks, in the order of the parameters; unscaled
    /// and
    ///                   clipped in place.
    StepOutcome step(std::vector<at::Tensor> const& gradients);

    NamedTensors const& parameters() const noexcept { return adamw_.parameters(); }
    /// Everything that must be the same on every rank: weights, moments, loss scale and counters. Shared storage.
    NamedTensors replicated() const;

    /// Shares the moments' storage. Waits for the device.
    OptimizerState state() const { return {.adamw = adamw_.state(), .loss_scaler = scaler_.state()}; }
    void restore(OptimizerState const& state);

  private:
    OptimizerOptions options_;
    AdamW adamw_;
    LossScaler scaler_;
    at::Tensor lr_table_;  // float64 [max_steps]: the host does not know which step the device is at
};

}  // namespace ctclip
