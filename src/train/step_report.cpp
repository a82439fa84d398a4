#include "train/step_report.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/machine.hpp"

namespace ctclip {
namespace {

constexpr double kStarvedShare = 0.3;  // of a step's time spent waiting for data

/// JSON has no NaN: null.
nlohmann::ordered_json number(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

nlohmann::ordered_json to_record(StepFacts const& facts) {
    nlohmann::ordered_json record = {{"step", facts.step},
                                     {"epoch", facts.epoch},
                                     {"loss", number(facts.loss)},
                                     {"lr", facts.report.lr},
                                     {"loss_scale", facts.report.loss_scale},
                                     {"skipped_steps", facts.report.num_skipped_steps},
                                     {"grad_norm", number(facts.report.grad_norm)}};
    for (std::size_t part = 0; part < kStepPartNames.size(); ++part) {
        record[std::string(kStepPartNames[part])] = facts.timer.seconds()[part];
    }
    record["step_s"] = facts.step_s;
    record["volumes_per_s"] = static_cast<double>(facts.num_volumes) / facts.step_s;
    record["peak_memory_bytes"] = peak_memory_bytes();
    return record;
}

StepReporter::StepReporter(LoggingOptions const& options, std::int64_t max_steps)
    : options_(options), max_steps_(max_steps) {}

void StepReporter::begin(std::int64_t first_step) {
    if (options_.use_console && progress_style_of_stderr() == ProgressStyle::kBar) {
        bar_.emplace("train", "steps", max_steps_, ProgressStyle::kBar);
        bar_->resume_at(first_step);
    }
}

void StepReporter::report(StepFacts const& facts, StageTimes const& stages) {
    num_steps_ += 1;
    step_s_ += facts.step_s;
    data_s_ += facts.timer.seconds()[static_cast<std::size_t>(StepPart::kData)];
    if (facts.report.is_skipped) {
        log_warning("step {}: gradients overflowed; the step was skipped and the loss scale falls to {:g}",
                    facts.step, facts.report.next_loss_scale);
    }
    if (bar_) {
        bar_->set_detail(fmt::format("loss {:.4f}", facts.loss));
        bar_->advance();
    }
    if (num_steps_ < options_.log_every_n_steps && facts.step != max_steps_) {
        return;
    }
    if (options_.use_console && !bar_) {
        say(facts);
    }
    warn_when_starved(stages);
    num_steps_ = 0;
    step_s_ = 0.0;
    data_s_ = 0.0;
}

void StepReporter::say(StepFacts const& facts) const {
    double const mean_step_s = step_s_ / static_cast<double>(num_steps_);
    double const remaining_s = mean_step_s * static_cast<double>(max_steps_ - facts.step);
    log_info(
        "step {}/{}  epoch {:.2f}  loss {:.4f}  lr {:.3g}  scale {:g}  skipped {}  grad norm {:.3g}  data "
        "{:.3f} s  "
        "step {:.3f} s  {:.3g} volumes/s  ETA {}",
        facts.step, max_steps_, facts.epoch, facts.loss, facts.report.lr, facts.report.loss_scale,
        facts.report.num_skipped_steps, facts.report.grad_norm, data_s_ / static_cast<double>(num_steps_),
        mean_step_s, static_cast<double>(facts.num_volumes) / mean_step_s,
        format_duration(std::chrono::duration<double>(remaining_s)));
}

void StepReporter::warn_when_starved(StageTimes const& stages) {
    if (data_s_ > kStarvedShare * step_s_ && !has_warned_) {
        has_warned_ = true;  // once: the numbers are in every line
        log_warning(
            "{:.0f} % of the time of the last {} steps went into waiting for data, mostly for {}. Raise "
            "data.num_workers (and the CPUs of the job), or convert to preprocessed shards.",
            100.0 * data_s_ / step_s_, num_steps_, stages.slowest_stage());
    }
}

void StepReporter::end() {
    if (bar_) {
        bar_->finish();
        bar_.reset();
    }
}

}  // namespace ctclip
