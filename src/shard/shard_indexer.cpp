#include "shard/shard_indexer.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "shard/python_json.hpp"
#include "shard/shard_digests.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"
#include "shard/tar_walk.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

/// @param command  writes it.
void require_content(std::filesystem::path const& path, std::string const& expected, char const* command) {
    require(!std::filesystem::exists(path) || read_text_file(path) == expected, ExitCode::kBadInput,
            "{} does not list what is there (it is damaged, or of other shards). Write it anew: {}", path.string(),
            command);
}

}  // namespace

ShardSidecar make_sidecar(std::filesystem::path const& shard_path) {
    verify_shard(shard_path);
    ShardIndex index = walk_shard(shard_path);
    ShardReader const reader(index);
    ShardDigests digests = read_digests(open_for_reading(shard_path), index);
    ShardSidecar sidecar;
    sidecar.shard_name = shard_path.filename().string();
    sidecar.size_bytes = index.size_bytes;
    sidecar.fsverity_sha256 = std::move(digests.fsverity_sha256);
    auto crc = digests.members_crc32c.begin();
    for (ShardSample& sample : index.samples) {
        std::string const study_id =
            sample.find("json") == nullptr ? "" : reader.read_metadata(sample).study_id;
        for (ShardMember& member : sample.members) {
            member.crc32c = *crc++;
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
            require(member.name.find_first_of(" \t\r\n") == std::string::npos &&
                        member.suffix.find_first_of(" \t\r\n") == std::string::npos,
                    ExitCode::kBadInput,
                    "{}: the name of member {} has blanks, which DALI's index cannot hold (they separate its "
                    "fields); rename the member, or leave out --dali",
                    shard_path.string(), python_string(member.name));
            line += fmt::format("{}{} {} {} {}", line.empty() ? "" : " ", member.suffix, member.data_offset,
                                member.size_bytes, member.name);
        }
        text += line + "\n";
    }
    return text;
}

std::string energon_index(std::filesystem::path const& shard_path) {
    TarListing const listing = walk_tar(open_for_reading(shard_path), shard_path);
    ShardIndex const index = index_shard(shard_path);
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
    require(sample == index.samples.end(), ExitCode::kBadInput,
            "{}: its index lists samples that are not in it (the index is damaged, or of another shard)",
            shard_path.string());
    append(listing.end_of_archive_offset);
    return text;
}

std::filesystem::path dali_index_path(std::filesystem::path const& shard_path) {
    return std::filesystem::path(shard_path).replace_extension(".idx");
}

std::filesystem::path energon_index_path(std::filesystem::path const& shard_path) {
    return std::filesystem::path(shard_path).replace_extension(".tar.idx");
}

void require_indexes_agree(std::filesystem::path const& shard_path) {
    require_content(dali_index_path(shard_path), dali_index(shard_path), "ctclip-shard index --dali");
    require_content(energon_index_path(shard_path), energon_index(shard_path), "ctclip-shard index --energon");
}

std::filesystem::path energon_folder(std::filesystem::path const& folder_of_shards) {
    return folder_of_shards / ".nv-meta";
}

ShardEntry entry_of(std::filesystem::path const& shard_path) {
    ShardIndex const index = index_shard(shard_path);
    return {shard_path.filename().string(), index.size_bytes, index.samples.size()};
}

std::string energon_info(std::vector<ShardEntry> const& shards) {
    std::string text = "shard_counts:\n";
    for (ShardEntry const& shard : shards) {
        text += fmt::format("  {}: {}\n", python_string(shard.name), shard.num_samples);
    }
    return text;
}

std::string energon_split(std::vector<ShardEntry> const& shards, std::string const& split) {
    std::string text = fmt::format("exclude: []\nsplit_parts:\n  {}:\n", python_string(split));
    for (ShardEntry const& shard : shards) {
        text += fmt::format("  - {}\n", python_string(shard.name));
    }
    return text;
}

std::string wids_index(std::vector<ShardEntry> const& shards) {
    ordered_json list = ordered_json::array();
    for (ShardEntry const& shard : shards) {
        list.push_back({{"url", shard.name}, {"nsamples", shard.num_samples}, {"filesize", shard.size_bytes}});
    }
    ordered_json const object = {
        {"__kind__", "wids-shard-index-v1"}, {"wids_version", 1}, {"shardlist", std::move(list)}};
    return object.dump(2) + "\n";
}

void require_folder_indexes_agree(std::filesystem::path const& folder, std::vector<ShardEntry> const& shards) {
    require_content(folder / kWidsName, wids_index(shards), "ctclip-shard index --wids");
    require_content(energon_folder(folder) / kEnergonInfoName, energon_info(shards), "ctclip-shard index --energon");
}

}  // namespace ctclip
