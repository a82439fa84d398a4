#include "optim/loss_scaler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"

namespace ctclip {
namespace {

LossScalerOptions checked(LossScalerOptions options) {
    if (options.scaling == LossScaling::kNone) {
        options.initial = 1.0;
        return options;
    }
    require(options.growth_factor > 1.0 && std::isfinite(options.growth_factor), ExitCode::kBadConfig,
            "loss_scale.growth_factor is {} (it must be above 1)", options.growth_factor);
    require(options.backoff_factor > 0.0 && options.backoff_factor < 1.0, ExitCode::kBadConfig,
            "loss_scale.backoff_factor is {} (it must be between 0 and 1)", options.backoff_factor);
    require(
        options.growth_interval >= 1 && options.growth_interval <= std::numeric_limits<std::int32_t>::max(),
        ExitCode::kBadConfig, "loss_scale.growth_interval is {} (it must be in 1..2^31-1)",
        options.growth_interval);
    require(
        options.minimum >= 0.0 && options.initial >= options.minimum && options.initial > 0.0 &&
            std::isfinite(static_cast<float>(options.initial)),
        ExitCode::kBadConfig,
        "loss_scale.initial is {} and loss_scale.minimum {} (needed: 0 <= minimum <= initial, and initial a "
        "positive float32)",
        options.initial, options.minimum);
    return options;
}

}  // namespace

LossScaler::LossScaler(LossScalerOptions const& options, at::Device device)
    : options_(checked(options)),
      scale_(at::full({}, options_.initial, at::device(device).dtype(at::kFloat))),
      growth_tracker_(at::zeros({}, at::device(device).dtype(at::kInt))),
      num_skipped_steps_(at::zeros({}, at::device(device).dtype(at::kLong))),
      num_consecutive_skips_(at::zeros({}, at::device(device).dtype(at::kLong))) {}

at::Tensor LossScaler::scaled(at::Tensor const& loss) const {
    return loss * scale_;
}

at::Tensor LossScaler::inverse_scale() const {
    return scale_.to(at::kDouble).reciprocal().to(at::kFloat);
}

void LossScaler::update(at::Tensor const& found_inf) {
    if (scale_.is_meta()) {
        return;  // no values, and torch has no meta kernel for the update
    }
    at::NoGradGuard const no_grad;
    if (options_.scaling == LossScaling::kDynamic) {
        at::_amp_update_scale_(scale_, growth_tracker_, found_inf, options_.growth_factor,
                               options_.backoff_factor, options_.growth_interval);
        scale_.clamp_min_(options_.minimum);
    }
    at::Tensor const skipped = found_inf.to(at::kLong);
    num_skipped_steps_.add_(skipped);
    num_consecutive_skips_.add_(skipped).mul_(skipped);
}

LossScalerState LossScaler::state() const {
    return {.scale = scale_.item<double>(),
            .growth_tracker = growth_tracker_.item<std::int64_t>(),
            .num_skipped_steps = num_skipped_steps_.item<std::int64_t>(),
            .num_consecutive_skips = num_consecutive_skips_.item<std::int64_t>()};
}

void LossScaler::restore(LossScalerState const& state) {
    bool const is_float32 = static_cast<double>(static_cast<float>(state.scale)) == state.scale;
    bool const is_usable = std::isfinite(state.scale) && (state.scale > 0.0 || options_.minimum == 0.0);
    require(is_float32 && is_usable && state.scale >= 0.0, ExitCode::kBadInput,
            "the saved loss scale is {} (it must be a positive float32 number)", state.scale);
    require(state.growth_tracker >= 0 && state.num_skipped_steps >= 0 && state.num_consecutive_skips >= 0,
            ExitCode::kBadInput,
            "the saved loss scaler has a negative counter (growth tracker {}, skipped steps {}, in a row {})",
            state.growth_tracker, state.num_skipped_steps, state.num_consecutive_skips);
    bool const is_dynamic = options_.scaling == LossScaling::kDynamic;
    scale_.fill_(is_dynamic ? std::max(state.scale, options_.minimum) : 1.0);
    // torch grows when the tracker equals the interval; from beyond it, it would count on for ever.
    growth_tracker_.fill_(std::min(state.growth_tracker, options_.growth_interval - 1));
    num_skipped_steps_.fill_(state.num_skipped_steps);
    num_consecutive_skips_.fill_(state.num_consecutive_skips);
}

}  // namespace ctclip
