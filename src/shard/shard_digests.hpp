/// Digests of a shard and of its members, from one pass over its bytes: reading is what verification costs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "shard/shard_index.hpp"

namespace ctclip {

struct ShardDigests {
    std::string fsverity_sha256;  ///< of the whole file (base/fsverity_digest.hpp), lower-case hexadecimal
    std::vector<std::uint32_t> members_crc32c;  ///< of each member of each sample, in the index's order
};

/// @param index  of this file, members in file order and inside it, as walk_shard gives them.
/// @throws Error kIoError; kBadInput if the file ends early.
ShardDigests read_digests(FileDescriptor const& file, ShardIndex const& index);

}  // namespace ctclip
