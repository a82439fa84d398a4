#include "convert/convert_job.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/output_folder.hpp"
#include "base/output_lock.hpp"
#include "base/stop_signal.hpp"
#include "convert/conversion_summary.hpp"
#include "convert/convert_plan.hpp"
#include "convert/output_folder.hpp"
#include "convert/sample_stream.hpp"
#include "convert/stop_notice.hpp"
#include "dist/gather_bytes.hpp"
#include "shard/shard_indexer.hpp"
#include "shard/shard_writer.hpp"

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
        log_warning("{} studies of the CSVs have no NPZ file (plan.json lists them)",
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

/// @param make  the content; called only if there is no such file.
template <class Make>
void write_if_absent(fs::path const& path, Make const& make) {
    if (!fs::exists(path)) {
        write_durably(path, make(), IfExists::kReplace);
    }
}

/// How DALI and Energon reach the samples of a finished shard.
void write_loader_indexes(fs::path const& shard) {
    write_if_absent(dali_index_path(shard), [&] { return dali_index(shard); });
    write_if_absent(energon_index_path(shard), [&] { return energon_index(shard); });
}

/// Shards of other ranks, for the progress that rank 0 shows: counted when their files appear.
class ShardsOfOthers {
  public:
    ShardsOfOthers(ConvertPlan const& plan, Communicator const& communicator, fs::path const& output) {
        for (int rank = 0; rank < communicator.world_size(); ++rank) {
            if (rank != communicator.rank()) {
                for (PlannedShard const& shard : plan.shards_of_rank(rank, communicator.world_size())) {
                    add_unless_there(shard, output / shard_name(shard.shard_index));
                }
            }
        }
    }

    /// Looks at most once in a few seconds. @return studies in shards that have appeared since.
    std::int64_t count_new_studies() {
        auto const now = std::chrono::steady_clock::now();
        if (now - last_look_ < kLookInterval) {
            return 0;
        }
        last_look_ = now;
        std::int64_t num_studies = 0;
        std::erase_if(waited_for_, [&](auto const& shard) {
            bool const is_there = fs::exists(shard.first);
            num_studies += is_there ? shard.second : 0;
            return is_there;
        });
        return num_studies;
    }

    std::int64_t num_studies_waited_for() const {
        return std::accumulate(waited_for_.begin(), waited_for_.end(), std::int64_t{0},
                               [](std::int64_t sum, auto const& shard) { return sum + shard.second; });
    }

  private:
    static constexpr std::chrono::seconds kLookInterval{5};

    void add_unless_there(PlannedShard const& shard, fs::path path) {
        if (!fs::exists(path)) {
            waited_for_.emplace_back(std::move(path), static_cast<std::int64_t>(shard.num_studies));
        }
    }

    std::vector<std::pair<fs::path, std::int64_t>> waited_for_;
    std::chrono::steady_clock::time_point last_look_ = std::chrono::steady_clock::now();
};

/// What one rank has to do, and has done.
class ShareOfRank {
  public:
    ShareOfRank(ConvertOptions const& options, ConvertEnvironment const& environment, ConvertPlan const& plan)
        : options_(options),
          environment_(environment),
          stop_notice_(options.output),
          plan_(plan),
          plan_sha256_(plan.sha256()) {}

    /// Reads every byte of the shards that earlier runs have finished, and holds it against its digest.
    /// @return  false if a stop request ended it early.
    bool check_finished_shards() {
        Communicator const& communicator = environment_.communicator;
        std::vector<PlannedShard> finished;
        for (PlannedShard const& shard :
             plan_.shards_of_rank(communicator.rank(), communicator.world_size())) {
            (fs::exists(path_of(shard)) ? finished : unfinished_).push_back(shard);
        }
        Progress progress =
            environment_.progress("check", "finished shards", static_cast<std::int64_t>(finished.size()));
        for (PlannedShard const& shard : finished) {
            if (must_stop()) {
                return false;
            }
            ShardSidecar const sidecar = require_finished(path_of(shard), plan_sha256_);
            write_loader_indexes(path_of(shard));
            num_finished_studies_ += static_cast<std::int64_t>(shard.num_studies);
            num_quarantined_ += static_cast<std::int64_t>(sidecar.quarantined.size());
            progress.advance();
        }
        return true;
    }

    bool has_work() const { return !unfinished_.empty(); }
    std::int64_t num_finished_studies() const { return num_finished_studies_; }
    std::int64_t num_quarantined() const { return num_quarantined_; }
    DecodedVolumes const& decoded() const { return decoded_; }

    /// @param advance  called after every study.
    /// @return         false if a stop request ended it early.
    bool run(StudyTable const& studies, std::function<void()> const& advance) {
        SampleConverter converter(options_, studies, environment_.preprocess);
        SampleStream stream(converter, studies_to_convert());
        bool const is_complete = std::ranges::all_of(unfinished_, [&](PlannedShard const& shard) {
            return convert_shard(shard, converter, stream, advance);
        });
        await_commit();
        return is_complete;
    }

  private:
    fs::path path_of(PlannedShard const& shard) const {
        return options_.output / shard_name(shard.shard_index);
    }

    /// Asked between volumes and between shards.
    bool must_stop() const {
        if (environment_.stop_requested()) {
            stop_notice_.post();
            return true;
        }
        return stop_notice_.is_posted();
    }

    std::vector<PlannedStudy> studies_to_convert() const {
        std::vector<PlannedStudy> studies;
        for (PlannedShard const& shard : unfinished_) {
            std::span<PlannedStudy const> const of_shard = plan_.studies_of(shard);
            studies.insert(studies.end(), of_shard.begin(), of_shard.end());
        }
        return studies;
    }

    bool convert_shard(PlannedShard const& shard, SampleConverter& converter, SampleStream& stream,
                       std::function<void()> const& advance) {
        auto writer = std::make_unique<ShardWriter>(path_of(shard), plan_sha256_);
        for (std::size_t position = 0; position < shard.num_studies; ++position) {
            if (must_stop()) {
                return false;
            }
            std::string const key = sample_key(shard.shard_index, position);
            ConvertedSample& sample = stream.next();
            warn_of_header(sample);
            if (sample.quarantine_reason) {
                quarantine(plan_.studies_of(shard)[position], key, *sample.quarantine_reason, *writer);
            } else {
                add(key, sample, converter, *writer);
            }
            advance();
        }
        await_commit();
        commit_ = std::async(std::launch::async, [done = std::move(writer), path = path_of(shard)] {
            done->commit();
            write_loader_indexes(path);
        });
        return true;
    }

    /// Of the shard before, if there is one. @throws Error what committing it threw.
    void await_commit() {
        if (commit_.valid()) {
            commit_.get();
        }
    }

    void add(std::string const& key, ConvertedSample& sample, SampleConverter& converter, ShardWriter& writer) {
        if (!sample.is_streamed) {
            ++decoded_.num_whole;
            writer.add(key, sample.metadata, sample.halves, sample.report, sample.labels, sample.conversion);
            return;
        }
        ++decoded_.num_in_pieces;
        writer.begin_sample(key, sample.metadata, sample.report, sample.labels);
        converter.stream(sample, [&](auto halves) { writer.append_voxels(halves); });
        writer.end_sample(sample.conversion);
    }

    void quarantine(PlannedStudy const& study, std::string const& key, std::string const& reason,
                    ShardWriter& writer) {
        ++num_quarantined_;
        fs::path const path = options_.volumes / study.source_path;
        require(num_quarantined_ <= options_.max_quarantined, ExitCode::kBadInput,
                "{}: {}; with it {} volumes would be quarantined, {} are accepted (convert.max_quarantined)",
                path.string(), reason, num_quarantined_, options_.max_quarantined);
        log_warning("{} is quarantined: {}", path.string(), reason);
        writer.add_quarantined({key, study.study_id, study.source_path, reason});
    }

    ConvertOptions const& options_;
    ConvertEnvironment const& environment_;
    StopNotice stop_notice_;
    ConvertPlan const& plan_;
    std::string plan_sha256_;
    std::vector<PlannedShard> unfinished_;
    std::int64_t num_finished_studies_ = 0;
    std::int64_t num_quarantined_ = 0;
    DecodedVolumes decoded_;
    /// A shard is synced and read back, which is waiting for the disk, while the next one is converted.
    std::future<void> commit_;
};

/// Rank 0: the plan of an earlier run, or a new one, on disk.
ConvertPlan prepare_plan(ConvertOptions const& options) {
    for (fs::path const& folder : {options.output, energon_folder(options.output)}) {
        if (fs::exists(folder)) {
            sweep_partial_files(folder);
        }
    }
    if (auto plan = find_plan(options)) {
        log_info("{}: going on with the plan of an earlier run", options.output.string());
        return std::move(*plan);
    }
    StudyTable const studies = StudyTable::load(options.reports, options.metadata, options.labels);
    log_oddities(studies);
    ConvertPlan plan = ConvertPlan::make(options, studies);
    write_durably(plan_path(options.output), plan.encode(), IfExists::kRefuse);
    return plan;
}

void write_if_changed(fs::path const& path, std::string const& content) {
    if (!fs::exists(path) || read_text_file(path) != content) {
        write_durably(path, content, IfExists::kReplace);
    }
}

/// How Energon and webdataset's wids find the shards.
void write_folder_indexes(ConversionSummary const& summary, fs::path const& output) {
    std::vector<ShardEntry> entries;
    for (ShardSummary const& shard : summary.shards) {
        entries.push_back({shard.name, shard.size_bytes, shard.num_samples});
    }
    create_folder(energon_folder(output));
    write_if_changed(energon_folder(output) / kEnergonInfoName, energon_info(entries));
    write_if_absent(energon_folder(output) / kEnergonSplitName, [&] { return energon_split(entries, "train"); });
    write_if_changed(output / kWidsName, wids_index(entries));
}

/// Rank 0, once all shards are there.
void write_summary(ConvertOptions const& options, ConvertPlan const& plan,
                   ConvertEnvironment const& environment, DecodedVolumes const& decoded) {
    ConversionSummary const summary = summarise(plan, options.output);
    write_if_changed(options.output / kSummaryName, encode_summary(summary, plan));
    write_folder_indexes(summary, options.output);
    write_if_changed(options.output / kManifestName, encode_manifest(summary));
    environment.write(summary_text(summary));
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
        StudyTable const studies = StudyTable::load(options.reports, options.metadata, options.labels);
        is_complete = share.run(studies, [&] { progress.advance(1 + others.count_new_studies()); });
    }
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

    ShareOfRank share(options, environment, plan);
    require_none_stopped(options, communicator, share.check_finished_shards());
    convert_unfinished(options, environment, plan, share);
    std::int64_t const num_quarantined = sum_over_ranks(communicator, share.num_quarantined());
    require(num_quarantined <= options.max_quarantined, ExitCode::kBadInput,
            "{} volumes are quarantined, {} are accepted (convert.max_quarantined); the indexes of the "
            "shards in {} name "
            "them",
            num_quarantined, options.max_quarantined, options.output.string());
    DecodedVolumes const decoded{sum_over_ranks(communicator, share.decoded().num_whole),
                                 sum_over_ranks(communicator, share.decoded().num_in_pieces)};
    if (is_rank_0) {
        lock->require_held();
        write_summary(options, plan, environment, decoded);
    }
    communicator.barrier();
    return decoded;
}

}  // namespace ctclip
