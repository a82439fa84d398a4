// ctclip-evaluate: checkpoint + shards -> scores, metrics, report.
#include "evaluate/evaluator.hpp"
#include "jobs/compute_place.hpp"
#include "jobs/job_frame.hpp"
#include "report/evaluation_output.hpp"

namespace {

void evaluate(ctclip::EvaluateOptions const& options, ctclip::JobContext& job) {
    ctclip::ComputePlace const place(job, {.precision = std::string(name_of(options.precision))});
    ctclip::Evaluation const evaluation = ctclip::evaluate(
        options, {.host = job.communicator(), .device = place.device(), .is_dry_run = job.is_dry_run()});
    if (job.is_dry_run() || job.rank() != 0) {
        return;
    }
    std::filesystem::path const run_folder =
        std::filesystem::path(evaluation.origin.checkpoint).parent_path().parent_path();
    write_evaluation(evaluation, options.output, run_folder / "metrics.jsonl");
    job.write(evaluation_table(evaluation));
    job.write("report: " + (options.output / "report.html").string() + "\n");
}

}  // namespace

int main(int argc, char** argv) {
    ctclip::EvaluateOptions options;
    ctclip::JobDescription const description{
        "ctclip-evaluate",
        "scores a checkpoint zero-shot on shards: AUROC, AUPRC, F1 with intervals, and a report to look at",
        {{"mpirun -n 2 ctclip-evaluate --shards shards/valid --checkpoint runs/demo/run --output "
          "runs/demo/evaluation",
          "the newest checkpoint of a run"}}};
    return ctclip::run_job(
        argc, argv, description, [&](ctclip::Schema& schema) { options.bind(schema); },
        [&](ctclip::JobContext& job) { evaluate(options, job); });
}
