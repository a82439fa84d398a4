#include "convert/output_folder.hpp"

#include <span>
#include <string>
#include <unordered_set>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/output_folder.hpp"
#include "shard/shard_index.hpp"
#include "shard/shard_indexer.hpp"
#include "shard/shard_set.hpp"
#include "shard/shard_verify.hpp"
#include "shard/shard_writer.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {

namespace fs = std::filesystem;

namespace {

/// A shard with another name than these, if there is one.
std::optional<fs::path> find_unplanned_shard(fs::path const& output, std::unordered_set<std::string> const& planned) {
    if (!fs::exists(output)) {
        return std::nullopt;
    }
    for (fs::directory_entry const& entry : fs::directory_iterator(output)) {
        if (is_shard_file(entry) && !planned.contains(entry.path().filename().string())) {
            return entry.path();
        }
    }
    return std::nullopt;
}

void require_only_planned_shards(ConvertPlan const& plan, fs::path const& output) {
    std::unordered_set<std::string> planned;
    for (PlannedShard const& shard : plan.shards()) {
        planned.insert(shard_name(shard.shard_index));
    }
    auto const foreign = find_unplanned_shard(output, planned);
    require(!foreign, ExitCode::kBadInput,
            "{} is none of the {} shards that {} plans (it would be read as one of them). Move it away",
            foreign.value_or("").string(), planned.size(), kPlanName);
}

void require_as_planned(ShardSidecar const& sidecar, ConvertPlan const& plan, PlannedShard const& shard,
                        fs::path const& shard_path) {
    std::span<PlannedStudy const> const studies = plan.studies_of(shard);
    auto sample = sidecar.samples.begin();
    auto quarantined = sidecar.quarantined.begin();
    for (std::size_t position = 0; position < studies.size(); ++position) {
        std::string const key = sample_key(shard.shard_index, position);
        PlannedStudy const& study = studies[position];
        bool is_as_planned = false;
        if (sample != sidecar.samples.end() && sample->sample.key == key) {
            is_as_planned = sample->conversion && sample->study_id == study.study_id &&
                            sample->conversion->source_path == study.source_path;
            ++sample;
        } else if (quarantined != sidecar.quarantined.end() && quarantined->key == key) {
            is_as_planned = quarantined->study_id == study.study_id && quarantined->source_path == study.source_path;
            ++quarantined;
        }
        require(is_as_planned, ExitCode::kBadInput, "{}: sample {} is not the study that the plan has there",
                shard_path.string(), key);
    }
    require(sample == sidecar.samples.end() && quarantined == sidecar.quarantined.end(), ExitCode::kBadInput,
            "{}: a sample has a key that is not planned", shard_path.string());
}

}  // namespace

fs::path plan_path(fs::path const& output) {
    return output / kPlanName;
}

void require_folders_can_be(ConvertOptions const& options) {
    for (fs::path const& folder : {options.output, energon_folder(options.output)}) {
        require_creatable(folder);
    }
}

std::optional<ConvertPlan> find_plan(ConvertOptions const& options) {
    fs::path const path = plan_path(options.output);
    if (!fs::exists(path)) {
        auto const foreign = find_unplanned_shard(options.output, {});
        require(
            !foreign, ExitCode::kCannotCreate,
            "{} holds {} but no {} (its shards are another program's: they could be overwritten, and would be read as "
            "this conversion's). Choose another output folder",
            options.output.string(), foreign.value_or("").filename().string(), kPlanName);
        return std::nullopt;
    }
    ConvertPlan plan = ConvertPlan::parse(read_text_file(path), path.string());
    plan.require_same_settings(ConvertPlan::settings_of(options), path);
    require_only_planned_shards(plan, options.output);
    return plan;
}

ShardSidecar read_finished(fs::path const& shard_path, ConvertPlan const& plan, PlannedShard const& shard,
                           std::string const& plan_sha256) {
    std::string const path = shard_path.string();
    require(fs::exists(sidecar_path(shard_path)), ExitCode::kBadInput, "{} has lost its index {}", path,
            sidecar_path(shard_path).filename().string());
    ShardSidecar sidecar = read_sidecar(shard_path);
    require(sidecar.plan_sha256 == plan_sha256, ExitCode::kBadInput, "{} does not belong to the plan of this folder",
            path);
    verify_shard(shard_path);
    require_as_planned(sidecar, plan, shard, shard_path);
    return sidecar;
}

ShardSidecar require_finished(fs::path const& shard_path, ConvertPlan const& plan, PlannedShard const& shard,
                              std::string const& plan_sha256) {
    try {
        return read_finished(shard_path, plan, shard, plan_sha256);
    } catch (Error const& error) {
        if (error.code() != ExitCode::kBadInput) {
            throw;
        }
        fail(error.code(), "{}. A finished shard is never overwritten: move it and its index away, and run again",
             error.what());
    }
}

}  // namespace ctclip
