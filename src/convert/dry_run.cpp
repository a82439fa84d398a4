#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "base/byte_units.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/output_folder.hpp"
#include "base/room.hpp"
#include "convert/convert_job.hpp"
#include "convert/output_folder.hpp"
#include "shard/shard_writer.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNumProbes = 5;

/// Those whose shard is not there yet: sources of finished shards may have been reaped.
std::vector<PlannedStudy> unfinished_studies(ConvertOptions const& options, ConvertPlan const& plan) {
    std::vector<PlannedStudy> studies;
    for (PlannedShard const& shard : plan.shards()) {
        if (!fs::exists(options.output / shard_name(shard.shard_index))) {
            std::span<PlannedStudy const> const of_shard = plan.studies_of(shard);
            studies.insert(studies.end(), of_shard.begin(), of_shard.end());
        }
    }
    return studies;
}

/// Converts a few volumes, evenly spread over `to_convert`, in memory: finds wrong keys, units and values before
/// the job runs for hours. Returns shard bytes per source byte.
double probe_volumes(ConvertOptions const& options, ConvertEnvironment const& environment,
                     std::vector<PlannedStudy> const& to_convert, StudyTable const& studies) {
    SampleConverter converter(options, studies, environment.preprocess);
    ConvertedSample sample;
    HeaderWarnings header_warnings;
    std::int64_t num_quarantined = 0;
    double source_bytes = 0.0;
    double shard_bytes = 0.0;
    std::size_t const num_probes = std::min(kNumProbes, to_convert.size());
    for (std::size_t i = 0; i < num_probes; ++i) {
        PlannedStudy const& study = to_convert[i * to_convert.size() / num_probes];
        converter.convert(study, sample);
        header_warnings.note(sample.header_warnings);
        if (sample.quarantine_reason) {
            log_warning("{} would be quarantined: {}", (options.volumes / study.source_path).string(),
                        *sample.quarantine_reason);
            require(++num_quarantined <= options.max_quarantined, ExitCode::kBadInput,
                    "{} of the first {} volumes that were tried would be quarantined, {} are accepted "
                    "(convert.max_quarantined)",
                    num_quarantined, i + 1, options.max_quarantined);
            continue;
        }
        converter.take_voxels(sample, [](auto) {});
        source_bytes += static_cast<double>(study.source_size_bytes);
        shard_bytes += static_cast<double>(num_voxels(sample.metadata.volume_shape)) * sizeof(std::uint16_t);
    }
    require(shard_bytes > 0.0, ExitCode::kBadInput, "all of the {} volumes that were tried would be quarantined",
            num_probes);
    return shard_bytes / source_bytes;
}

double source_bytes(std::vector<PlannedStudy> const& studies) {
    return std::accumulate(studies.begin(), studies.end(), 0.0, [](double sum, PlannedStudy const& study) {
        return sum + static_cast<double>(study.source_size_bytes);
    });
}

}  // namespace

void dry_run_convert(ConvertOptions const& options, ConvertEnvironment const& environment) {
    if (environment.communicator.rank() == 0) {
        require_folders_can_be(options);
        std::optional<ConvertPlan> plan = find_plan(options);
        bool const goes_on = plan.has_value();
        double needed_bytes = 0.0;
        std::vector<PlannedStudy> to_convert;
        if (goes_on) {
            plan->require_few_mismatches(options);
            to_convert = unfinished_studies(options, *plan);
        }
        if (!goes_on || !to_convert.empty()) {  // a finished conversion needs its CSVs no more
            StudyTable const studies = StudyTable::load(options.reports, options.metadata, options.labels);
            if (goes_on) {
                plan->require_same_csvs(ConvertPlan::csv_digests(options), plan_path(options.output));
            } else {
                plan = ConvertPlan::make(options, studies);
                to_convert = plan->studies();
            }
            needed_bytes = source_bytes(to_convert) * probe_volumes(options, environment, to_convert, studies);
            require_free_space(options.output, needed_bytes);
        }
        environment.write(fmt::format(
            "would {} {} studies in {} shards, about {:.2f} GiB still to write to {}\n"
            "  volumes without CSV rows: {}; studies without volume: {}\n"
            "  converted in memory as a trial: {} of the {} volumes still to convert\n",
            goes_on ? "go on with" : "convert", plan->studies().size(), plan->shards().size(),
            needed_bytes / kBytesPerGiB, options.output.string(), plan->unmatched_volumes().size(),
            plan->studies_without_volume().size(), std::min(kNumProbes, to_convert.size()), to_convert.size()));
    }
    environment.communicator.barrier();
}

}  // namespace ctclip
