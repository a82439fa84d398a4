// ctclip-shard index: indexes for shards that were written elsewhere, and for other loaders.
#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/output_folder.hpp"
#include "shard/shard_index.hpp"
#include "shard/shard_indexer.hpp"
#include "tools/ctclip_shard.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

struct ShardIndexOptions {
    std::vector<fs::path> paths;
    bool for_dali = false;
    bool for_energon = false;
    bool for_wids = false;
    std::string energon_split = "train";
};

class Indexing {
  public:
    Indexing(ToolContext& tool, ShardIndexOptions const& options) : tool_(tool), options_(options) {}

    void index(fs::path const& path) {
        bool const is_folder = fs::is_directory(path);
        require(is_folder || !options_.for_wids, ExitCode::kUsage, "{}: --wids lists the shards of a folder; name that",
                path.string());
        auto const shards = shards_of({path});
        for (fs::path const& shard : shards) {
            index_shard(shard);
        }
        if (!is_folder || !(options_.for_energon || options_.for_wids)) {
            return;
        }
        std::vector<ShardEntry> entries;
        std::ranges::transform(shards, std::back_inserter(entries), entry_of);
        if (options_.for_energon) {
            create_folder(energon_folder(path));
            write(energon_folder(path) / kEnergonInfoName, energon_info(entries));
            write(energon_folder(path) / kEnergonSplitName, energon_split(entries, options_.energon_split));
        }
        if (options_.for_wids) {
            write(path / kWidsName, wids_index(entries));
        }
    }

    ExitCode finish() {
        if (tool_.is_json()) {
            tool_.write_json({{"schema", "ctclip.shard.index/1"}, {"written", written_}, {"kept", kept_}});
        }
        return ExitCode::kDone;
    }

  private:
    void index_shard(fs::path const& shard) {
        if (fs::exists(sidecar_path(shard))) {
            kept_.push_back(sidecar_path(shard).string());
            log_info("{} is there already and stays as it is", kept_.back());
        } else {
            write(sidecar_path(shard), encode_sidecar(make_sidecar(shard)));
        }
        if (options_.for_dali) {
            write(dali_index_path(shard), dali_index(shard));
        }
        if (options_.for_energon) {
            write(energon_index_path(shard), energon_index(shard));
        }
    }

    void write(fs::path const& path, std::string const& content) {
        write_durably(path, content, IfExists::kReplace);
        written_.push_back(path.string());
        if (!tool_.is_json()) {
            tool_.print("{}\n", path.string());
        }
    }

    ToolContext& tool_;
    ShardIndexOptions const& options_;
    std::vector<std::string> written_;
    std::vector<std::string> kept_;
};

}  // namespace

ToolCommand shard_index_command() {
    return make_command<ShardIndexOptions>(
        "index",
        "writes the index with offsets and digests beside shards that have none, and other loaders' indexes",
        {{"ctclip-shard index shards",
          "for shards of Python webdataset or GNU tar: then verify sees every bit"},
         {"ctclip-shard index shards --dali --energon --wids",
          "also for DALI, Megatron-Energon and webdataset's wids"}},
        [](Schema& schema, ShardIndexOptions& options) {
            schema.positional("PATH", options.paths, "shards, or folders of shards").required();
            schema.option("--dali", options.for_dali, "write SHARD.idx for NVIDIA DALI");
            schema.option("--energon", options.for_energon,
                          "write SHARD.tar.idx and .nv-meta for Megatron-Energon");
            schema.option("--wids", options.for_wids, "write wids.json for webdataset's indexed reader");
            schema.option("--energon-split", options.energon_split,
                          "name of the split in .nv-meta/split.yaml");
        },
        [](ToolContext& tool, ShardIndexOptions const& options) {
            Indexing indexing(tool, options);
            for (fs::path const& path : options.paths) {
                indexing.index(path);
            }
            return indexing.finish();
        });
}

}  // namespace ctclip
