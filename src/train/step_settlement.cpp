#include "train/step_settlement.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/trace.hpp"
#include "dist/pulse.hpp"
#include "loader/bad_samples.hpp"

namespace ctclip {
namespace {

/// Waits for the device, which waits for the other ranks.
StepReport read(StepOutcome const& outcome) {
    WaitScope const waiting;
    return outcome.read();
}

/// Which says nothing, but would be printed.
double without_sign_of_nan(double value) {
    return std::isnan(value) ? std::fabs(value) : value;
}

}  // namespace

StepSettlement::StepSettlement(Sources const& sources, std::int64_t first_step)
    : sources_(sources),
      guard_(sources.options.training, sources.world.is_root()),
      reporter_(sources.options.logging, sources.inputs.plan.max_steps) {
    reporter_.begin(first_step);
}

void StepSettlement::settle() {
    if (!pending_) {
        return;
    }
    TraceScope const scope("read step before");
    PendingStep const step = *std::exchange(pending_, std::nullopt);
    StepReport const report = read(step.result.outcome);
    StepFacts const facts = look_at(step, report);
    sources_.metrics.note_step(facts.loss, report.lr);
    if (sources_.world.is_root()) {
        reporter_.report(facts, sources_.loader.stage_times());
        sources_.folder->log(step.step, to_record(facts), "train/");
    }
    FinishedStep const finished{.step = step.step,
                                .loss = facts.loss,
                                .report = report,
                                .used_codes = step.result.used_codes,
                                .finding = report.is_skipped ? explain(step) : Finding{}};
    sources_.last_save.outlast([&] { guard_.review(finished); });
}

StepFacts StepSettlement::look_at(PendingStep const& step, StepReport const& report) {
    return {.step = step.step,
            .epoch = step.epoch,
            .loss = without_sign_of_nan(step.loss.read().item<double>()),
            .report = report,
            .timer = step.result.timer,
            .step_s = duration_s(step),
            .sync_hidden_share = step.result.sync_hidden_share,
            .num_volumes = global_batch(sources_.options, sources_.world.host.world_size()),
            .flops = step.flops,
            .peak_flops_per_s = sources_.peak.flops_per_s,
            .peak_device_memory_bytes = peak_device_memory_bytes(sources_.world.device)};
}

/// Of a step that is done by now. A GPU computes on after the launch: there a step lasts from the end of the one
/// before, as the host sees it, to its own.
double StepSettlement::duration_s(PendingStep const& step) {
    auto const before = std::exchange(settled_at_, std::chrono::steady_clock::now());
    std::chrono::duration<double> const seen = settled_at_ - std::max(before, step.begun);
    return sources_.world.device.is_cuda() ? seen.count() : step.launch_s;
}

Finding StepSettlement::explain(PendingStep const& step) const {
    auto const seed = static_cast<std::uint64_t>(sources_.options.experiment.seed);
    RunInputs const& inputs = sources_.inputs;
    std::vector<std::vector<std::string>> pseudonyms;
    for (std::vector<std::int64_t> const& indices : step.row_indices) {
        std::vector<std::string>& rows = pseudonyms.emplace_back();
        for (std::int64_t const index : indices) {
            rows.push_back(pseudonym(seed, inputs.training_set->study_id(index)));
        }
    }
    auto const read_again = [&](LookAtBatch const& look) {
        auto const loader =
            sources_.open_loader(step.before, second_look_loader_options(sources_.options, sources_.world.host));
        bool is_next_wanted = true;
        for (std::size_t i = 0; i < step.row_indices.size() && is_next_wanted; ++i) {
            is_next_wanted = look(i, loader->next().value());
        }
    };
    return sources_.forensics.explain({.step = step.step - 1,
                                       .traces = step.result.traces,
                                       .gradient_norms = step.result.outcome.gradient_norms(),
                                       .pseudonyms = pseudonyms,
                                       .read_again = read_again});
}

}  // namespace ctclip
