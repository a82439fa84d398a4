#include "convert/output_folder.hpp"

#include <string>
#include <unordered_set>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/output_folder.hpp"
#include "shard/shard_indexer.hpp"
#include "shard/shard_set.hpp"
#include "shard/shard_verify.hpp"
#include "shard/shard_writer.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {

namespace fs = std::filesystem;

namespace {

/// Whoever reads the folder later reads all shards in it.
void require_only_planned_shards(ConvertPlan const& plan, fs::path const& output) {
    std::unordered_set<std::string> planned;
    for (PlannedShard const& shard : plan.shards()) {
        planned.insert(shard_name(shard.shard_index));
    }
    for (fs::directory_entry const& entry : fs::directory_iterator(output)) {
        std::string const name = entry.path().filename().string();
        bool const is_shard = name.ends_with(".tar") && !name.starts_with('.');
        require(!is_shard || planned.contains(name), ExitCode::kBadInput,
                "{} is none of the {} shards that {} plans (it would be read as one of them). Move it away",
                entry.path().string(), planned.size(), kPlanName);
    }
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
        fs::path const first_shard = options.output / shard_name(0);
        require(!fs::exists(first_shard), ExitCode::kCannotCreate,
                "{} holds {} but no {} (its shards are another program's, and would be overwritten). Choose "
                "another "
                "output folder",
                options.output.string(), first_shard.filename().string(), path.filename().string());
        return std::nullopt;
    }
    ConvertPlan plan = ConvertPlan::parse(read_text_file(path), path.string());
    plan.require_same_settings(ConvertPlan::settings_of(options), path);
    require_only_planned_shards(plan, options.output);
    return plan;
}

ShardSidecar require_finished(fs::path const& shard_path, std::string const& plan_sha256) {
    try {
        std::string const shard = shard_path.string();
        require(fs::exists(sidecar_path(shard_path)), ExitCode::kBadInput, "{} has lost its index {}", shard,
                sidecar_path(shard_path).filename().string());
        ShardSidecar sidecar = read_sidecar(shard_path);
        require(sidecar.plan_sha256 == plan_sha256, ExitCode::kBadInput,
                "{} does not belong to the plan of this folder", shard);
        verify_shard(shard_path);
        return sidecar;
    } catch (Error const& error) {
        fail(error.code(),
             "{}. A finished shard is never overwritten: move it and its index away, and run again",
             error.what());
    }
}

}  // namespace ctclip
