#include "optim/optimizer.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "optim/gradient_norm.hpp"
#include "optim/lr_schedule.hpp"

namespace ctclip {
namespace {

at::Tensor make_lr_table(LrScheduleOptions const& options, std::int64_t max_steps, at::Device device) {
    validate(options);
    require(max_steps >= 1, ExitCode::kBadConfig, "training has {} steps", max_steps);
    return at::tensor(learning_rate_table(options, max_steps), at::kDouble).to(device);
}

at::Tensor pack(std::vector<at::Tensor> const& scalars) {
    std::vector<at::Tensor> doubles;
    for (at::Tensor const& scalar : scalars) {
        doubles.push_back(scalar.to(at::kDouble));
    }
    return at::stack(doubles);
}

}  // namespace

StepReport StepOutcome::read() const {
    at::Tensor const on_host = packed_on_host_.read();
    double const* const values = on_host.const_data_ptr<double>();
    return {.is_skipped = values[0] != 0.0,
            .grad_norm = std::fabs(values[1]),  // NaN has a sign too, which would be printed
            .lr = values[2],
            .loss_scale = values[3],
            .next_loss_scale = values[4],
            .growth_tracker = static_cast<std::int64_t>(values[5]),
            .num_taken_steps = static_cast<std::int64_t>(values[6]),
            .num_skipped_steps = static_cast<std::int64_t>(values[7]),
            .num_consecutive_skips = static_cast<std::int64_t>(values[8])};
}

Optimizer::Optimizer(NamedTensors parameters, OptimizerOptions const& options, std::int64_t max_steps)
    : options_(options),
      adamw_(std::move(parameters), options.adamw),
      scaler_(options.loss_scaler, adamw_.parameters().front().tensor.device()),
      lr_table_(make_lr_table(options.lr_schedule, max_steps, adamw_.parameters().front().tensor.device())) {
    require(options.max_grad_norm >= 0.0, ExitCode::kBadConfig,
            "max_grad_norm is {} (it may not be negative)", options.max_grad_norm);
}

StepOutcome Optimizer::step(std::vector<at::Tensor> const& gradients) {
    at::NoGradGuard const no_grad;
    at::Tensor const scale_before = scaler_.scale().clone();
    at::Tensor const inverse_scale = scaler_.inverse_scale().to(at::kDouble);

    at::Tensor const norms = norm_of_each(gradients);
    at::Tensor const norm = global_norm(norms) * inverse_scale;
    at::Tensor const is_skipped = norm.lt(std::numeric_limits<double>::infinity()).eq(false);  // or NaN
    at::Tensor const coefficient = clip_coefficient(norm, options_.max_grad_norm);
    scale_gradients(gradients, (inverse_scale * coefficient).masked_fill(is_skipped, 1.0));

    at::Tensor const lr = lr_table_.gather(0, adamw_.num_steps().to(at::kLong).view(1)).squeeze(0);
    at::Tensor const found_inf = is_skipped.to(at::kFloat);
    adamw_.step(gradients, lr, found_inf);
    scaler_.update(found_inf);

    return StepOutcome(
        pack({found_inf, norm, lr, scale_before, scaler_.scale(), scaler_.growth_tracker(),
              adamw_.num_steps(), scaler_.num_skipped_steps(), scaler_.num_consecutive_skips()}),
        norms);
}

NamedTensors Optimizer::replicated() const {
    NamedTensors tensors = adamw_.parameters();
    for (NamedTensor const& moment : adamw_.moments()) {
        tensors.push_back(moment);
    }
    tensors.push_back({"the number of steps taken", adamw_.num_steps()});
    tensors.push_back({"the loss scale", scaler_.scale()});
    tensors.push_back({"the growth tracker of the loss scale", scaler_.growth_tracker()});
    return tensors;
}

void Optimizer::restore(OptimizerState const& state) {
    adamw_.restore(state.adamw);
    scaler_.restore(state.loss_scaler);
}

}  // namespace ctclip
