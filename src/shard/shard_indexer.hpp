/// Indexes for shards that exist already: our sidecar, and the files with which other loaders reach samples
/// at random.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "shard/sidecar.hpp"

namespace ctclip {

/// Reads the whole shard: member positions, CRC-32C, digest, study ids. Without conversion records.
/// @throws Error as verify_shard: a shard that is wrong gets no index.
ShardSidecar make_sidecar(std::filesystem::path const& shard_path);

/// DALI's `.idx` (fn.readers.webdataset, index_paths), format "v1.2". @throws Error kBadInput for a member whose name
/// has blanks, which separate the fields of that format.
std::string dali_index(std::filesystem::path const& shard_path);
std::filesystem::path dali_index_path(std::filesystem::path const& shard_path);

/// Megatron-Energon's `.tar.idx`: offsets of the samples' first headers and of the end marker, as 64-bit
/// numbers.
std::string energon_index(std::filesystem::path const& shard_path);
std::filesystem::path energon_index_path(std::filesystem::path const& shard_path);

/// Compares the two beside a converted shard, where they are there, with the shard.
/// @throws Error kBadInput if one of them is damaged or another shard's.
void require_indexes_agree(std::filesystem::path const& shard_path);

/// What the indexes of a whole folder say of one of its shards.
struct ShardEntry {
    std::string name;  ///< of the file
    std::uint64_t size_bytes = 0;
    std::size_t num_samples = 0;
};
/// From index_shard(). @throws Error as it does.
ShardEntry entry_of(std::filesystem::path const& shard_path);

/// Energon's .nv-meta/.info.yaml and .nv-meta/split.yaml for one split of all shards.
std::filesystem::path energon_folder(std::filesystem::path const& folder_of_shards);
inline constexpr char const* kEnergonInfoName = ".info.yaml";
inline constexpr char const* kEnergonSplitName = "split.yaml";
std::string energon_info(std::vector<ShardEntry> const& shards);
std::string energon_split(std::vector<ShardEntry> const& shards, std::string const& split);

inline constexpr char const* kWidsName = "wids.json";
/// The shard list that webdataset's wids reads (`wids-shard-index-v1`).
std::string wids_index(std::vector<ShardEntry> const& shards);

/// Compares wids.json and .info.yaml of a folder of converted shards, where they are there, with `shards`: all of its
/// shards. split.yaml may be edited. @throws Error kBadInput.
void require_folder_indexes_agree(std::filesystem::path const& folder, std::vector<ShardEntry> const& shards);

}  // namespace ctclip
