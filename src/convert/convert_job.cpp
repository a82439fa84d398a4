#include "convert/convert_job.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/output_folder.hpp"
#include "base/output_lock.hpp"
#include "base/stop_signal.hpp"
#include "convert/convert_plan.hpp"
#include "convert/output_folder.hpp"
#include "convert/result_files.hpp"
#include "convert/shards_of_others.hpp"
#include "convert/share_of_rank.hpp"
#include "convert/stop_notice.hpp"
#include "dist/gather_bytes.hpp"
#include "dist/pulse.hpp"
#include "shard/shard_indexer.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

std::int64_t sum_over_ranks(Communicator& communicator, std::int64_t value) {
    communicator.all_reduce(&value, 1, Element::kI64, Reduction::kSum);
    return value;
}

void log_plan(ConvertPlan const& plan) {
    log_info("{} studies in {} shards", plan.studies().size(), plan.shards().size());
    if (!plan.unmatched_volumes().empty()) {
        log_warning("{} volumes have no rows in the CSVs and are left out (plan.json lists them)",
                    plan.unmatched_volumes().size());
    }
    if (!plan.studies_without_volume().empty()) {
        log_warning("{} studies of the CSVs had no volume when the plan was made (plan.json lists them)",
                    plan.studies_without_volume().size());
    }
}

void log_oddities(StudyTable const& studies) {
    for (std::string const& warning : studies.warnings()) {
        log_warning("{}", warning);
    }
    std::vector<IncompleteStudy> const& incomplete = studies.incomplete();
    if (!incomplete.empty()) {
        log_warning("{} studies lack rows and are left out: {} in the reports, {} in the metadata, {} in the labels",
                    incomplete.size(), std::ranges::count(incomplete, false, &IncompleteStudy::has_report),
                    std::ranges::count(incomplete, false, &IncompleteStudy::has_metadata),
                    std::ranges::count(incomplete, false, &IncompleteStudy::has_labels));
    }
}

/// Rank 0: the plan of an earlier run, or a new one, on disk.
ConvertPlan prepare_plan(ConvertOptions const& options) {
    require_folders_can_be(options);
    for (fs::path const& folder : {options.output, energon_folder(options.output)}) {
        if (fs::exists(folder)) {
            sweep_partial_files(folder);
        }
    }
    if (auto plan = find_plan(options)) {
        require_indexes_on_record(options.output);
        auto const is_there = [](fs::path const& csv) { return fs::exists(csv); };
        if (std::ranges::all_of(std::array{options.reports, options.metadata, options.labels}, is_there)) {
            plan->require_same_csvs(ConvertPlan::csv_digests(options), plan_path(options.output));
        }  // else they are missed where there is work left
        plan->require_few_mismatches(options);
        forget_missing_shards(options.output);
        log_info("{}: going on with the plan of an earlier run", options.output.string());
        return std::move(*plan);
    }
    auto const wants_no_report = [](std::string const&) { return false; };
    StudyTable const studies = StudyTable::load(options.reports, options.metadata, options.labels, wants_no_report);
    log_oddities(studies);
    ConvertPlan plan = ConvertPlan::make(options, studies);
    write_durably(plan_path(options.output), plan.encode(), IfExists::kRefuse);
    return plan;
}

/// Rank 0, once all shards are there.
void finish_output(ConvertOptions const& options, ConvertPlan const& plan, ConvertEnvironment const& environment,
                   DecodedVolumes const& decoded) {
    environment.write(summary_text(write_results(plan, options.output)));
    if (decoded.num_whole + decoded.num_in_pieces > 0) {
        environment.write(fmt::format("  decoded now: {} volumes whole (libdeflate), {} piece by piece (ISA-L)\n",
                                      decoded.num_whole, decoded.num_in_pieces));
    }
}

/// Collective. @throws Stopped on all ranks if one of them was stopped.
void require_none_stopped(ConvertOptions const& options, Communicator& communicator, bool is_complete) {
    if (any_rank(!is_complete, communicator)) {
        if (communicator.rank() == 0) {
            StopNotice(options.output).withdraw();
        }
        throw Stopped(fmt::format("{}: stopped; the same command goes on where this one ended",
                                  options.output.string()));
    }
}

/// Collective.
void log_header_oddities(ShareOfRank const& share, Communicator& communicator) {
    HeaderOddityCounts counts = share.header_oddities();
    communicator.all_reduce(counts.data(), counts.size(), Element::kI64, Reduction::kSum);
    for (std::string const& line : header_oddity_sums(counts)) {
        if (communicator.rank() == 0) {
            log_warning("{}", line);
        }
    }
}

/// Collective. @throws Stopped on all ranks if one of them was stopped.
void convert_unfinished(ConvertOptions const& options, ConvertEnvironment const& environment,
                        ConvertPlan const& plan, ShareOfRank& share) {
    Communicator& communicator = environment.communicator;
    auto const num_studies = static_cast<std::int64_t>(plan.studies().size());
    std::int64_t const num_finished = sum_over_ranks(communicator, share.num_finished_studies());
    if (num_finished == num_studies) {
        return;
    }
    Progress progress = environment.progress("convert", "volumes", num_studies);
    progress.resume_at(num_finished);
    ShardsOfOthers others(plan, communicator, options.output);
    bool is_complete = true;
    if (share.has_work()) {
        plan.require_same_csvs(ConvertPlan::csv_digests(options), plan_path(options.output));
        is_complete = share.run([&] { progress.advance(1 + others.count_new_studies()); });
    }
    log_header_oddities(share, communicator);
    require_none_stopped(options, communicator, is_complete);
    progress.advance(others.num_studies_waited_for());
    progress.finish();
}

}  // namespace

DecodedVolumes convert(ConvertOptions const& options, ConvertEnvironment const& environment) {
    Communicator& communicator = environment.communicator;
    bool const is_rank_0 = communicator.rank() == 0;
    std::optional<OutputLock> lock;
    std::string plan_text;
    if (is_rank_0) {
        create_folder(options.output);
        lock.emplace(options.output, "ctclip-convert");
        StopNotice(options.output).withdraw();
        ConvertPlan const plan = prepare_plan(options);
        log_plan(plan);
        plan_text = plan.encode();
    }
    ConvertPlan const plan =
        ConvertPlan::parse(broadcast_text(plan_text, 0, communicator), plan_path(options.output).string());

    ActivityScope const converting(Activity::kConverting);
    ShareOfRank share(options, environment, plan);
    require_none_stopped(options, communicator, share.check_finished_shards());
    convert_unfinished(options, environment, plan, share);
    std::int64_t const num_quarantined = sum_over_ranks(communicator, share.num_quarantined());
    require(num_quarantined <= options.max_quarantined, ExitCode::kBadInput,
            "{} volumes are quarantined, {} are accepted (convert.max_quarantined); the indexes of the shards in {} "
            "name them",
            num_quarantined, options.max_quarantined, options.output.string());
    require(num_quarantined < static_cast<std::int64_t>(plan.studies().size()), ExitCode::kBadInput,
            "all {} volumes are quarantined: nothing was converted. The indexes of the shards in {} say why",
            num_quarantined, options.output.string());
    DecodedVolumes const decoded{sum_over_ranks(communicator, share.decoded().num_whole),
                                 sum_over_ranks(communicator, share.decoded().num_in_pieces)};
    if (is_rank_0) {
        lock->require_held();
        finish_output(options, plan, environment, decoded);
    }
    communicator.barrier();
    return decoded;
}

}  // namespace ctclip
