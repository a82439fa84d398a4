#include "train/training_guard.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/log.hpp"

namespace ctclip {
namespace {

/// Clipping at 0.3 instead of 0.5 helps where 0.5 is too much.
constexpr double kTighterClip = 0.6;

std::string number(double value) {
    return fmt::format("{:.4g}", value);
}

}  // namespace

TrainingGuard::TrainingGuard(TrainingOptions const& options, bool is_speaking)
    : options_(options), is_speaking_(is_speaking) {}

void TrainingGuard::review(FinishedStep const& finished) {
    if (std::isfinite(finished.report.grad_norm)) {
        last_finite_norm_ = finished.report.grad_norm;
    }
    if (finished.report.is_skipped && is_speaking_) {
        log_warning("step {}: {}", finished.step, finished.finding.text);
    }
    require_progress(finished);
    warn_of_smallest_scale(finished);
    watch_codebook(finished);
}

void TrainingGuard::require_progress(FinishedStep const& finished) const {
    bool const is_input_bad = finished.finding.kind == FindingKind::kInput;
    require(!is_input_bad, ExitCode::kBadInput,
            "step {}: {}. Nothing of this step was learned. Check the shards with `ctclip-shard verify`.",
            finished.step, finished.finding.text);
    if (!std::isfinite(finished.loss)) {
        fail(ExitCode::kInternal,
             "the loss of step {} is {}: {}. A loss does not depend on the loss scale, so that no skipped "
             "step "
             "cures it.\n{}",
             finished.step, finished.loss, finished.finding.text, advice(finished));
    }
    if (finished.report.num_consecutive_skips >= options_.optimizer.loss_scaler.max_consecutive_skips) {
        fail(ExitCode::kInternal,
             "{} steps in a row were skipped because gradients were not finite, the last one step {} (loss "
             "scale now {:g}, {} steps taken): {}.\n{}",
             finished.report.num_consecutive_skips, finished.step, finished.report.next_loss_scale,
             finished.report.num_taken_steps, finished.finding.text, advice(finished));
    }
}

std::string TrainingGuard::advice(FinishedStep const& finished) const {
    double const peak = options_.optimizer.lr_schedule.base_lr;
    double const clip = options_.optimizer.max_grad_norm;
    std::string text = fmt::format(
        "Go on from the last checkpoint with\n"
        "  - half the learning rate: training.learning_rate={} (now {}, {} at this step),\n"
        "  - stronger clipping: training.max_grad_norm={} (now {}; the last finite gradient norm was {}),\n",
        number(peak / 2), number(peak), number(finished.report.lr), number(clip * kTighterClip), number(clip),
        number(last_finite_norm_));
    if (options_.precision == ComputeType::kHalf) {
        text +=
            "  - the wider range of bfloat16: training.mixed_precision=bf16 (GPU of compute capability 8.0 "
            "or "
            "newer),\n";
    }
    return text + "and look at the intensities of the studies named, if only some of them do this.";
}

void TrainingGuard::warn_of_smallest_scale(FinishedStep const& finished) {
    LossScalerOptions const& scaler = options_.optimizer.loss_scaler;
    bool const is_smallest = options_.precision == ComputeType::kHalf && finished.report.is_skipped &&
                             finished.report.next_loss_scale <= scaler.minimum;
    if (is_smallest && !is_scale_known_to_be_smallest_ && is_speaking_) {
        log_warning(
            "step {}: the loss scale is at its minimum (training.loss_scale.minimum={:g}): further overflows "
            "cannot be answered by a smaller one. After {} skipped steps in a row the run stops.",
            finished.step, scaler.minimum, scaler.max_consecutive_skips);
    }
    is_scale_known_to_be_smallest_ = is_smallest;
}

void TrainingGuard::watch_codebook(FinishedStep const& finished) {
    if (finished.report.is_skipped) {
        return;
    }
    codes_of_window_ =
        codes_of_window_.defined() ? codes_of_window_.logical_or(finished.used_codes) : finished.used_codes;
    num_steps_of_window_ += 1;
    if (num_steps_of_window_ < options_.codebook_window) {
        return;
    }
    auto const num_used = codes_of_window_.sum().item<std::int64_t>();
    auto const num_codes = codes_of_window_.numel();
    double const share = static_cast<double>(num_used) / static_cast<double>(num_codes);
    if ((num_used <= 1 || share < options_.codebook_min_share) && is_speaking_) {
        log_warning(
            "steps {} to {}: the codebook has collapsed: {} of {} codes ({:.2g} %) were used "
            "(training.codebook_min_share={:g}). Volumes that differ look the same to the model. Lower "
            "training.learning_rate, or start from weights whose codebook is trained (model.init_from).",
            finished.step - num_steps_of_window_ + 1, finished.step, num_used, num_codes, 100.0 * share,
            options_.codebook_min_share);
    }
    codes_of_window_ = at::Tensor();
    num_steps_of_window_ = 0;
}

}  // namespace ctclip
