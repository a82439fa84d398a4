// ctclip-evaluate: checkpoint + shards -> scores, metrics, report.
#include <optional>

#include "base/output_folder.hpp"
#include "base/output_lock.hpp"
#include "evaluate/evaluator.hpp"
#include "evaluate/partial_scores.hpp"
#include "jobs/compute_place.hpp"
#include "jobs/job_frame.hpp"
#include "mpi/watchdog_rules.hpp"
#include "report/evaluation_output.hpp"

namespace {

/// Rank 0 takes the output folder before the work of hours, not after it.
std::optional<ctclip::OutputLock> claim_output(std::filesystem::path const& output, ctclip::JobContext const& job) {
    if (job.rank() != 0) {
        return std::nullopt;
    }
    if (job.is_dry_run()) {
        ctclip::require_creatable(output);
        return std::nullopt;
    }
    ctclip::create_folder(output);
    return std::optional<ctclip::OutputLock>(std::in_place, output, "ctclip-evaluate");
}

void evaluate(ctclip::EvaluateOptions const& options, ctclip::JobContext& job) {
    std::optional<ctclip::OutputLock> const lock = claim_output(options.output, job);
    ctclip::ComputePlace const place(job.session(), {.device = options.device,
                                                     .precision = std::string(name_of(options.precision)),
                                                     .precision_key = "evaluate.mixed_precision"});
    job.watch({.step_s = options.hang_timeout_s, .slow_s = options.stall_timeout_s});
    ctclip::Evaluation const evaluation =
        ctclip::evaluate(options, {.host = job.communicator(),
                                   .device = place.device(),
                                   .stop_requested = [&] { return job.stop_requested(); },
                                   .is_dry_run = job.is_dry_run()});
    if (job.is_dry_run() || job.rank() != 0) {
        return;
    }
    std::filesystem::path const run_folder =
        std::filesystem::path(evaluation.origin.checkpoint).parent_path().parent_path();
    write_evaluation(evaluation, options.output, run_folder / "metrics.jsonl");
    ctclip::remove_partial_scores(options.output);
    job.write(evaluation_table(evaluation));
    job.write("report: " + (options.output / "report.html").string() + "\n");
}

}  // namespace

int main(int argc, char** argv) {
    ctclip::EvaluateOptions options;
    ctclip::JobDescription const description{
        "ctclip-evaluate",
        "scores a checkpoint zero-shot on shards: AUROC, AUPRC, F1 with intervals, and a report to look at; "
        "the same command again resumes",
        {{"mpirun -n 2 ctclip-evaluate --shards shards/valid --checkpoint runs/demo/run --output "
          "runs/demo/evaluation",
          "the newest checkpoint of a run"}}};
    return ctclip::run_job(
        argc, argv, description, [&](ctclip::Schema& schema) { options.bind(schema); },
        [&](ctclip::JobContext& job) { evaluate(options, job); });
}
