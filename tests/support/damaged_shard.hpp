/// Shards whose bytes are no longer those on record.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "shard/shard_index.hpp"

namespace ctclip {

/// Flips one bit of a member's content.
inline void damage_member(std::filesystem::path const& shard, std::string const& key, std::string const& suffix) {
    ShardIndex const index = walk_shard(shard);
    for (ShardSample const& sample : index.samples) {
        if (sample.key == key) {
            std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
            auto const offset = static_cast<std::streamoff>(sample.find(suffix)->data_offset + 3);
            file.seekg(offset);
            auto const byte = static_cast<char>(file.get() ^ 1);
            file.seekp(offset);
            file.put(byte);
        }
    }
}

}  // namespace ctclip
