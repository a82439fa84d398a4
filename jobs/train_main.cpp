// ctclip-train: shards -> checkpoints and metrics.
#include "jobs/compute_place.hpp"
#include "jobs/job_frame.hpp"
#include "mpi/watchdog_rules.hpp"
#include "train/trainer.hpp"

namespace {

void train(ctclip::TrainOptions const& options, ctclip::JobContext& job) {
    if (options.dump_precision) {
        job.write(ctclip::PrecisionPolicy(options.training.precision).to_text());
        return;
    }
    ctclip::ComputePlace const place(job.session(), {.device = options.device,
                                                     .precision = std::string(name_of(options.training.precision)),
                                                     .precision_key = "training.mixed_precision",
                                                     .gpu_link = ctclip::GpuLink::kNccl});
    job.watch({.step_s = options.training.hang_timeout_s, .slow_s = options.training.stall_timeout_s});
    ctclip::Trainer trainer(options, job.schema().values_yaml(),
                            {.host = job.communicator(),
                             .ranks = place.ranks(),
                             .device = place.device(),
                             .device_name = place.name(),
                             .num_threads = place.num_threads()});
    job.is_dry_run() ? trainer.dry_run() : trainer.run([&] { return job.stop_requested(); });
}

}  // namespace

int main(int argc, char** argv) {
    ctclip::TrainOptions options;
    ctclip::JobDescription const description{
        "ctclip-train",
        "trains CT-CLIP from shards in mixed precision; the same command again resumes",
        {{"mpirun -n 2 ctclip-train --config configs/demo_train.yaml --set run.dir=runs/demo", "two ranks"},
         {"ctclip-train --config configs/base_config.yaml --dry-run",
          "check configuration, shards and sizes"}}};
    return ctclip::run_job(
        argc, argv, description, [&](ctclip::Schema& schema) { options.bind(schema); },
        [&](ctclip::JobContext& job) { train(options, job); });
}
