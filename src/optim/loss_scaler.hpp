/// Dynamic loss scaling as torch.amp.GradScaler does it, with three differences: the
/// scale has a minimum, a tracker restored beyond the interval grows at the next good step (torch waits for
/// the next overflow), and skipped steps are counted.
///
/// Everything lives on the device and nothing here waits for it, but for state().
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "optim/optimizer_options.hpp"

namespace ctclip {

struct LossScalerState {
    double scale = 1.0;  ///< a float32 value
    std::int64_t growth_tracker = 0;
    std::int64_t num_skipped_steps = 0;
    std::int64_t num_consecutive_skips = 0;
};

class LossScaler {
  public:
    /// @throws Error kBadConfig for factors on the wrong side of 1, an interval below 1, initial < minimum.
    LossScaler(LossScalerOptions const& options, at::Device device);

    /// `loss` (float32 or float64, []) times the scale, differentiable.
    at::Tensor scaled(at::Tensor const& loss) const;

    /// float32 []. 1/scale is rounded once, from double, as torch does.
    at::Tensor const& scale() const noexcept { return scale_; }
    at::Tensor inverse_scale() const;

    /// After a step. @param found_inf  float32 [], 1 when the step was skipped, else 0; the same on every
    /// rank.
    void update(at::Tensor const& found_inf);

    /// int32 [], int64 [], int64 [].
    at::Tensor const& growth_tracker() const noexcept { return growth_tracker_; }
    at::Tensor const& num_skipped_steps() const noexcept { return num_skipped_steps_; }
    at::Tensor const& num_consecutive_skips() const noexcept { return num_consecutive_skips_; }

    /// Waits for the device.
    LossScalerState state() const;
    /// @throws Error kBadInput for a scale that is not a positive finite float32 (0 is accepted if the
    /// minimum is 0) or a negative counter.
    void restore(LossScalerState const& state);

  private:
    LossScalerOptions options_;
    at::Tensor scale_;
    at::Tensor growth_tracker_;
    at::Tensor num_skipped_steps_;
    at::Tensor num_consecutive_skips_;
};

}  // namespace ctclip
