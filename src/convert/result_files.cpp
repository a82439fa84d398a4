#include "convert/result_files.hpp"

#include <string>
#include <vector>

#include "base/durable_file.hpp"
#include "base/file_descriptor.hpp"
#include "base/output_folder.hpp"
#include "shard/shard_indexer.hpp"
#include "shard/shard_set.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

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
    fs::path const split_path = energon_folder(output) / kEnergonSplitName;
    if (!fs::exists(split_path)) {  // people edit it
        write_durably(split_path, energon_split(entries, "train"), IfExists::kReplace);
    }
    write_if_changed(output / kWidsName, wids_index(entries));
}

}  // namespace

void write_shard_indexes(fs::path const& shard) {
    // Older ones may have stayed when their shard was moved away.
    write_if_changed(dali_index_path(shard), dali_index(shard));
    write_if_changed(energon_index_path(shard), energon_index(shard));
}

ConversionSummary write_results(ConvertPlan const& plan, fs::path const& output) {
    ConversionSummary const summary = summarise(plan, output);
    write_if_changed(output / kSummaryName, encode_summary(summary, plan));
    write_folder_indexes(summary, output);
    write_if_changed(output / kManifestName, encode_manifest(summary));
    return summary;
}

}  // namespace ctclip
