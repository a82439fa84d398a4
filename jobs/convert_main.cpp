// ctclip-convert: NPZ volumes and CSVs -> shards.
#include "convert/convert_job.hpp"
#include "jobs/job_frame.hpp"
#include "jobs/shard_preprocessor.hpp"
#include "mpi/watchdog_rules.hpp"

int main(int argc, char** argv) {
    ctclip::ConvertOptions options;
    ctclip::JobDescription const description{
        "ctclip-convert",
        "converts NPZ volumes and CSVs to fp16 WebDataset shards; the same command again resumes",
        {{"mpirun -n 4 ctclip-convert --volumes npz --reports reports.csv --metadata metadata.csv --labels "
          "labels.csv "
          "--output shards",
          "four ranks, each writes whole shards"},
         {"ctclip-convert --config configs/convert_ct_rate.yaml --dry-run",
          "check inputs and space, write nothing"}}};
    return ctclip::run_job(
        argc, argv, description, [&](ctclip::Schema& schema) { options.bind(schema); },
        [&](ctclip::JobContext& job) {
            ctclip::ConvertEnvironment const environment{
                job.communicator(), [&] { return job.stop_requested(); },
                [&](std::string what, std::string unit, std::int64_t total) {
                    return job.progress(std::move(what), std::move(unit), total);
                },
                [&](std::string_view text) { job.write(text); }, ctclip::make_shard_preprocessor()};
            job.watch({.step_s = options.hang_timeout_s, .slow_s = options.stall_timeout_s});
            if (job.is_dry_run()) {
                dry_run_convert(options, environment);
            } else {
                convert(options, environment);
            }
        });
}
