#include "shard/shard_indexer.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/crc32c.hpp"
#include "base/digest.hpp"
#include "base/file_chunks.hpp"
#include "shard/python_json.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"
#include "shard/tar_walk.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

std::string yaml_name(std::filesystem::path const& path) {
    return python_string(path.filename().string());
}

}  // namespace

ShardSidecar make_sidecar(std::filesystem::path const& shard_path) {
    verify_shard(shard_path);
    ShardIndex index = walk_shard(shard_path);
    ShardReader const reader(index);
    FileDescriptor const file = open_for_reading(shard_path);
    ShardSidecar sidecar;
    sidecar.shard_name = shard_path.filename().string();
    sidecar.size_bytes = index.size_bytes;
    Sha256 sha256;
    for_each_chunk(file, shard_path, 0, index.size_bytes, [&](auto chunk) { sha256.update(chunk); });
    sidecar.sha256 = sha256.finish_hex();
    for (ShardSample& sample : index.samples) {
        std::string const study_id =
            sample.find("json") == nullptr ? "" : reader.read_metadata(sample).study_id;
        for (ShardMember& member : sample.members) {
            std::uint32_t crc = 0;
            for_each_chunk(file, shard_path, member.data_offset, member.size_bytes,
                           [&](auto chunk) { crc = crc32c(chunk, crc); });
            member.crc32c = crc;
        }
        sidecar.samples.push_back({std::move(sample), study_id, std::nullopt});
    }
    return sidecar;
}

std::string dali_index(std::filesystem::path const& shard_path) {
    ShardIndex const index = index_shard(shard_path);
    std::string text = fmt::format("v1.2 {}\n", index.samples.size());
    for (ShardSample const& sample : index.samples) {
        std::string line;
        for (ShardMember const& member : sample.members) {
            line += fmt::format("{}{} {} {} {}", line.empty() ? "" : " ", member.suffix, member.data_offset,
                                member.size_bytes, member.name);
        }
        text += line + "\n";
    }
    return text;
}

std::string energon_index(std::filesystem::path const& shard_path) {
    TarListing const listing = walk_tar(open_for_reading(shard_path), shard_path);
    ShardIndex const index = walk_shard(shard_path);
    std::string text;
    auto const append = [&](std::uint64_t offset) {
        text.append(reinterpret_cast<char const*>(&offset), sizeof offset);
    };
    auto sample = index.samples.begin();
    for (TarMember const& member : listing.members) {
        if (sample != index.samples.end() && member.data_offset == sample->members.front().data_offset) {
            append(member.header_offset);
            ++sample;
        }
    }
    append(listing.end_of_archive_offset);
    return text;
}

std::string energon_info(std::vector<std::filesystem::path> const& shard_paths) {
    std::string text = "shard_counts:\n";
    for (auto const& path : shard_paths) {
        text += fmt::format("  {}: {}\n", yaml_name(path), index_shard(path).samples.size());
    }
    return text;
}

std::string energon_split(std::vector<std::filesystem::path> const& shard_paths, std::string const& split) {
    std::string text = fmt::format("exclude: []\nsplit_parts:\n  {}:\n", python_string(split));
    for (auto const& path : shard_paths) {
        text += fmt::format("  - {}\n", yaml_name(path));
    }
    return text;
}

std::string wids_index(std::vector<std::filesystem::path> const& shard_paths) {
    ordered_json shards = ordered_json::array();
    for (auto const& path : shard_paths) {
        ShardIndex const index = index_shard(path);
        shards.push_back({{"url", path.filename().string()},
                          {"nsamples", index.samples.size()},
                          {"filesize", index.size_bytes}});
    }
    ordered_json const object = {
        {"__kind__", "wids-shard-index-v1"}, {"wids_version", 1}, {"shardlist", std::move(shards)}};
    return object.dump(2) + "\n";
}

}  // namespace ctclip
