// ctclip-shard ls: the samples of shards, and where their members lie.
#include <nlohmann/json.hpp>

#include "shard/shard_reader.hpp"
#include "tools/ctclip_shard.hpp"

namespace ctclip {
namespace {

struct ShardLsOptions {
    std::vector<std::filesystem::path> paths;
};

nlohmann::json members_json(ShardSample const& sample) {
    nlohmann::json members = nlohmann::json::array();
    for (ShardMember const& member : sample.members) {
        members.push_back({{"name", member.name},
                           {"suffix", member.suffix},
                           {"offset", member.data_offset},
                           {"size", member.size_bytes}});
        if (member.crc32c) {
            members.back()["crc32c"] = fmt::format("{:08x}", *member.crc32c);
        }
    }
    return members;
}

ExitCode list_samples(ToolContext& tool, ShardLsOptions const& options) {
    nlohmann::json samples = nlohmann::json::array();
    for (std::filesystem::path const& path : shards_of(options.paths)) {
        ShardReader const reader(path);
        if (!tool.is_json()) {
            tool.print("{}\n", path.string());
        }
        for (ShardSample const& sample : reader.index().samples) {
            bool const has_metadata = sample.find("json") != nullptr && sample.find("bin") != nullptr;
            SampleMetadata const metadata = has_metadata ? reader.read_metadata(sample) : SampleMetadata{};
            if (tool.is_json()) {
                samples.push_back(
                    {{"shard", path.string()},
                     {"key", sample.key},
                     {"study_id", has_metadata ? nlohmann::json(metadata.study_id) : nlohmann::json()},
                     {"members", members_json(sample)}});
                continue;
            }
            VolumeShape const& shape = metadata.volume_shape;
            tool.print("  {}  {:<24} {:>4} x {:>4} x {:>4}  ", sample.key, metadata.study_id, shape[0],
                       shape[1], shape[2]);
            for (ShardMember const& member : sample.members) {
                tool.print(" {} {}", member.suffix, member.size_bytes);
            }
            tool.print("\n");
        }
    }
    if (tool.is_json()) {
        tool.write_json({{"schema", "ctclip.shard.ls/1"}, {"samples", std::move(samples)}});
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand shard_ls_command() {
    return make_command<ShardLsOptions>(
        "ls", "lists samples and their members",
        {{"ctclip-shard ls shards/shard-000000.tar", "key, study, shape and member sizes of each sample"},
         {"ctclip-shard ls shards --json", "with byte offsets, for programs"}},
        [](Schema& schema, ShardLsOptions& options) {
            schema.positional("PATH", options.paths, "shards, or folders of shards").required();
        },
        list_samples);
}

}  // namespace ctclip
