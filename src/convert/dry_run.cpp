#include <algorithm>
#include <cmath>
#include <system_error>

#include "base/error.hpp"
#include "convert/convert_job.hpp"
#include "convert/output_folder.hpp"
#include "shard/shard_writer.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNumProbes = 5;
constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

/// Converts a few volumes, evenly spread over the plan, in memory: finds wrong keys, units and values before
/// the job runs for hours. Returns shard bytes per NPZ byte.
double probe_volumes(ConvertOptions const& options, ConvertEnvironment const& environment,
                     ConvertPlan const& plan, StudyTable const& studies) {
    SampleConverter converter(options, studies, environment.preprocess);
    ConvertedSample sample;
    double source_bytes = 0.0;
    double shard_bytes = 0.0;
    std::size_t const num_probes = std::min(kNumProbes, plan.studies().size());
    for (std::size_t i = 0; i < num_probes; ++i) {
        PlannedStudy const& study = plan.studies()[i * plan.studies().size() / num_probes];
        converter.convert(study, sample);
        source_bytes += static_cast<double>(study.source_size_bytes);
        shard_bytes += static_cast<double>(sample.halves.size() * sizeof(std::uint16_t));
    }
    return shard_bytes / std::max(source_bytes, 1.0);
}

fs::path nearest_existing(fs::path path) {
    path = fs::absolute(path);
    while (!fs::exists(path) && path.has_relative_path()) {
        path = path.parent_path();
    }
    return path;
}

void check_space(fs::path const& output, double needed_bytes) {
    std::error_code error;
    fs::space_info const space = fs::space(nearest_existing(output), error);
    if (error) {
        fail_errno(ExitCode::kIoError, "cannot ask for the free space of " + output.string(), error.value());
    }
    require(static_cast<double>(space.available) >= needed_bytes, ExitCode::kCannotCreate,
            "{}: about {:.2f} GiB are needed, {:.2f} GiB are free", output.string(), needed_bytes / kGib,
            static_cast<double>(space.available) / kGib);
}

std::uint64_t source_bytes_of_unfinished(ConvertOptions const& options, ConvertPlan const& plan) {
    std::uint64_t num_bytes = 0;
    for (PlannedShard const& shard : plan.shards()) {
        if (!fs::exists(options.output / shard_name(shard.shard_index))) {
            for (std::size_t i = 0; i < shard.num_studies; ++i) {
                num_bytes += plan.studies()[shard.first_study + i].source_size_bytes;
            }
        }
    }
    return num_bytes;
}

}  // namespace

void dry_run_convert(ConvertOptions const& options, ConvertEnvironment const& environment) {
    if (environment.communicator.rank() == 0) {
        StudyTable const studies = StudyTable::load(options.reports, options.metadata, options.labels);
        auto const earlier = find_plan(options);
        if (earlier) {
            earlier->require_same_csvs(ConvertPlan::csv_digests(options), plan_path(options.output));
        }
        ConvertPlan const plan = earlier ? *earlier : ConvertPlan::make(options, studies);
        double const shard_bytes_per_source_byte = probe_volumes(options, environment, plan, studies);
        double const needed_bytes =
            static_cast<double>(source_bytes_of_unfinished(options, plan)) * shard_bytes_per_source_byte;
        check_space(options.output, needed_bytes);
        environment.write(
            fmt::format("would {} {} studies in {} shards, about {:.2f} GiB still to write to {}\n"
                        "  volumes without CSV rows: {}; studies without volume: {}\n",
                        earlier ? "go on with" : "convert", plan.studies().size(), plan.shards().size(),
                        needed_bytes / kGib, options.output.string(), plan.unmatched_volumes().size(),
                        plan.studies_without_volume().size()));
    }
    environment.communicator.barrier();
}

}  // namespace ctclip
