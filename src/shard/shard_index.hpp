/// Where every member of a shard lies: what a loader needs to read any sample with one pread per member.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

struct ShardMember {
    std::string name;               ///< as in the tar
    std::string suffix;             ///< behind the first dot of the file name, lower case: "bin", "json" ...
    std::uint64_t data_offset = 0;  ///< bytes from the start of the shard
    std::uint64_t size_bytes = 0;
    std::optional<std::uint32_t> crc32c;  ///< known if the shard has a sidecar
};

/// Consecutive members that share a key (the name up to the first dot of its last part), as webdataset groups
/// them.
struct ShardSample {
    std::string key;
    std::vector<ShardMember> members;  ///< in file order, each suffix once

    ShardMember const* find(std::string_view suffix) const;  ///< nullptr if the sample lacks it
};

struct ShardIndex {
    std::filesystem::path path;
    std::uint64_t size_bytes = 0;
    std::vector<ShardSample> samples;  ///< in file order, each key once
};

/// From the sidecar beside the shard if there is one (and it fits the shard's size), else by walking its
/// headers.
/// @throws Error kBadInput (shard, member, cause), kIoError.
ShardIndex index_shard(std::filesystem::path const& path);

/// Always by walking the headers; no digests.
ShardIndex walk_shard(std::filesystem::path const& path);

/// shard-*.tar, and other *.tar files that are not hidden.
bool is_shard_file(std::filesystem::directory_entry const& entry);

/// All of them in `folder`, sorted bytewise by name. @throws Error kBadInput if there is none.
std::vector<std::filesystem::path> list_shards(std::filesystem::path const& folder);

}  // namespace ctclip
