#include "train/step_report.hpp"

#include <nlohmann/json.hpp>

#include "base/byte_units.hpp"
#include "base/json_number.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"

namespace ctclip {

nlohmann::ordered_json to_record(StepFacts const& facts) {
    nlohmann::ordered_json record = {{"step", facts.step},
                                     {"epoch", facts.epoch},
                                     {"loss", json_number(facts.loss)},
                                     {"lr", facts.report.lr},
                                     {"loss_scale", facts.report.loss_scale},
                                     {"skipped_steps", facts.report.num_skipped_steps},
                                     {"grad_norm", json_number(facts.report.grad_norm)}};
    for (std::size_t part = 0; part < kStepPartNames.size(); ++part) {
        record[std::string(kStepPartNames[part]) + "_s"] = facts.timer.seconds()[part];
    }
    record["step_s"] = facts.step_s;
    record["volumes_per_s"] = static_cast<double>(facts.num_volumes) / facts.step_s;
    for (std::size_t part = 0; part < kStepPartNames.size(); ++part) {
        record[std::string(kStepPartNames[part]) + "_share"] = facts.timer.seconds()[part] / facts.step_s;
    }
    if (facts.sync_hidden_share) {
        record["sync_hidden_share"] = *facts.sync_hidden_share;
    }
    record["model_flop_utilisation"] = json_number(facts.flops / facts.step_s / facts.peak_flops_per_s);
    record["peak_memory_bytes"] = peak_memory_bytes();
    if (facts.peak_device_memory_bytes) {
        record["peak_device_memory_bytes"] = *facts.peak_device_memory_bytes;
    }
    return record;
}

void StepReporter::Window::add(StepFacts const& facts) {
    num_steps += 1;
    step_s += facts.step_s;
    flops += facts.flops;
    hidden_shares += facts.sync_hidden_share.value_or(0.0);
    has_hidden_shares = facts.sync_hidden_share.has_value();
    num_volumes += facts.num_volumes;
    for (std::size_t part = 0; part < part_s.size(); ++part) {
        part_s[part] += facts.timer.seconds()[part];
    }
}

std::string StepReporter::Window::shares() const {
    std::string text;
    for (std::size_t part = 0; part < part_s.size(); ++part) {
        auto const which = static_cast<StepPart>(part);
        text += fmt::format("{}{} {:.0f} %{}", text.empty() ? "" : ", ", kStepPartNames[part], 100.0 * share(which),
                            which == StepPart::kSync ? hidden() : "");
    }
    return text;
}

std::string StepReporter::Window::hidden() const {
    return has_hidden_shares
               ? fmt::format(" ({:.0f} % hidden)", 100.0 * hidden_shares / static_cast<double>(num_steps))
               : "";
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
    window_.add(facts);
    if (facts.report.is_skipped) {
        log_warning("step {}: gradients overflowed; the step was skipped and the loss scale falls to {:g}",
                    facts.step, facts.report.next_loss_scale);
    }
    if (bar_) {
        bar_->set_detail(fmt::format("loss {:.4f}, lr {:.3g}, {:.3g} volumes/s, data {:.0f} %", facts.loss,
                                     facts.report.lr, window_.volumes_per_s(), 100.0 * window_.share(StepPart::kData)));
        bar_->advance();
    }
    if (window_.num_steps < options_.log_every_n_steps && facts.step != max_steps_) {
        return;
    }
    if (options_.use_console && !bar_) {
        say(facts);
    }
    warn_when_starved(stages);
    window_ = {};
}

void StepReporter::say(StepFacts const& facts) const {
    double const mean_step_s = window_.step_s / static_cast<double>(window_.num_steps);
    double const remaining_s = mean_step_s * static_cast<double>(max_steps_ - facts.step);
    std::int64_t const memory_bytes = facts.peak_device_memory_bytes.value_or(peak_memory_bytes());
    log_info(
        "step {}/{}  epoch {:.2f}  loss {:.4f}  lr {:.3g}  scale {:g}  skipped {}  grad norm {:.3g}  "
        "step {:.3f} s ({})  {:.3g} volumes/s  MFU {:.0f} %  memory {:.2f} GiB  ETA {}",
        facts.step, max_steps_, facts.epoch, facts.loss, facts.report.lr, facts.report.loss_scale,
        facts.report.num_skipped_steps, facts.report.grad_norm, mean_step_s, window_.shares(),
        window_.volumes_per_s(),
        100.0 * window_.flops / window_.step_s / facts.peak_flops_per_s,
        static_cast<double>(memory_bytes) / kBytesPerGiB,
        format_duration(std::chrono::duration<double>(remaining_s)));
}

void StepReporter::warn_when_starved(StageTimes const& stages) {
    StageTimes const meanwhile = stages - stages_at_last_line_;
    stages_at_last_line_ = stages;
    if (has_warned_) {
        return;  // once: the numbers are in every line
    }
    if (auto const warning = warning_about(
            {window_.num_steps, window_.step_s, window_.share(StepPart::kData) * window_.step_s, meanwhile})) {
        has_warned_ = true;
        log_warning("{}", *warning);
    }
}

void StepReporter::end() {
    if (bar_) {
        bar_->finish();
        bar_.reset();
    }
}

}  // namespace ctclip
