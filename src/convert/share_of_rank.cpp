#include "convert/share_of_rank.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "convert/output_folder.hpp"
#include "convert/result_files.hpp"
#include "dist/pulse.hpp"

namespace ctclip {

namespace fs = std::filesystem;

ShareOfRank::ShareOfRank(ConvertOptions const& options, ConvertEnvironment const& environment,
                         ConvertPlan const& plan)
    : options_(options),
      environment_(environment),
      stop_notice_(options.output),
      plan_(plan),
      plan_sha256_(plan.sha256()) {}

bool ShareOfRank::check_finished_shards() {
    Communicator const& communicator = environment_.communicator;
    std::vector<PlannedShard> finished;
    for (PlannedShard const& shard : plan_.shards_of_rank(communicator.rank(), communicator.world_size())) {
        (fs::exists(path_of(shard)) ? finished : unfinished_).push_back(shard);
    }
    Progress progress =
        environment_.progress("check", "finished shards", static_cast<std::int64_t>(finished.size()));
    for (PlannedShard const& shard : finished) {
        if (must_stop()) {
            return false;
        }
        ShardSidecar const sidecar = require_finished(path_of(shard), plan_, shard, plan_sha256_);
        write_shard_indexes(path_of(shard));
        num_finished_studies_ += static_cast<std::int64_t>(shard.num_studies);
        num_quarantined_ += static_cast<std::int64_t>(sidecar.quarantined.size());
        progress.advance();
        Pulse::of_process().beat();
    }
    return true;
}

bool ShareOfRank::run(std::function<void()> const& advance) {
    std::vector<PlannedStudy> to_convert = studies_to_convert();
    StudyTable const csvs = load_csvs(to_convert);
    SampleConverter converter(options_, csvs, environment_.preprocess, [] { Pulse::of_process().beat(); });
    SampleStream stream(converter, std::move(to_convert));
    bool const is_complete = std::ranges::all_of(unfinished_, [&](PlannedShard const& shard) {
        return convert_shard(shard, converter, stream, advance);
    });
    await_commit();
    return is_complete;
}

fs::path ShareOfRank::path_of(PlannedShard const& shard) const {
    return options_.output / shard_name(shard.shard_index);
}

bool ShareOfRank::must_stop() const {
    if (environment_.stop_requested()) {
        stop_notice_.post();
        return true;
    }
    return stop_notice_.is_posted();
}

std::vector<PlannedStudy> ShareOfRank::studies_to_convert() const {
    std::vector<PlannedStudy> studies;
    for (PlannedShard const& shard : unfinished_) {
        std::span<PlannedStudy const> const of_shard = plan_.studies_of(shard);
        studies.insert(studies.end(), of_shard.begin(), of_shard.end());
    }
    return studies;
}

StudyTable ShareOfRank::load_csvs(std::vector<PlannedStudy> const& studies) const {
    std::unordered_set<std::string_view> ids;
    for (PlannedStudy const& study : studies) {
        ids.insert(study.study_id);
    }
    return StudyTable::load(options_.reports, options_.metadata, options_.labels,
                            [&](std::string const& study_id) { return ids.contains(study_id); });
}

bool ShareOfRank::convert_shard(PlannedShard const& shard, SampleConverter& converter, SampleStream& stream,
                                std::function<void()> const& advance) {
    auto writer = std::make_unique<ShardWriter>(path_of(shard), plan_sha256_);
    for (std::size_t position = 0; position < shard.num_studies; ++position) {
        if (must_stop()) {
            return false;
        }
        std::string const key = sample_key(shard.shard_index, position);
        ConvertedSample& sample = stream.next();
        header_warnings_.note(sample.header_warnings);
        if (sample.quarantine_reason) {
            quarantine(plan_.studies_of(shard)[position], key, *sample.quarantine_reason, *writer);
        } else {
            add(key, sample, converter, *writer);
        }
        advance();
        Pulse::of_process().set_step(decoded_.num_whole + decoded_.num_in_pieces);
        Pulse::of_process().beat();
    }
    await_commit();
    commit_ = std::async(std::launch::async, [done = std::move(writer), path = path_of(shard)] {
        done->commit();
        write_shard_indexes(path);
    });
    return true;
}

void ShareOfRank::await_commit() {
    if (commit_.valid()) {
        commit_.get();
    }
}

void ShareOfRank::add(std::string const& key, ConvertedSample& sample, SampleConverter& converter,
                      ShardWriter& writer) {
    ++(sample.voxels == VoxelsWait::kInFile ? decoded_.num_in_pieces : decoded_.num_whole);
    writer.begin_sample(key, sample.metadata, sample.report, sample.labels);
    converter.take_voxels(sample, [&](auto halves) { writer.append_voxels(halves); });
    writer.end_sample(sample.conversion);
}

void ShareOfRank::quarantine(PlannedStudy const& study, std::string const& key, std::string const& reason,
                             ShardWriter& writer) {
    ++num_quarantined_;
    fs::path const path = options_.volumes / study.source_path;
    require(num_quarantined_ <= options_.max_quarantined, ExitCode::kBadInput,
            "{}: {}; with it {} volumes would be quarantined, {} are accepted (convert.max_quarantined)",
            path.string(), reason, num_quarantined_, options_.max_quarantined);
    log_warning("{} is quarantined: {}", path.string(), reason);
    writer.add_quarantined({key, study.study_id, study.source_path, reason});
}

}  // namespace ctclip
