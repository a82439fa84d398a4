/// `model.safetensors.index.json`: one model in several safetensors files beside it (Hugging Face's layout).
#pragma once

#include <filesystem>

#include "base/array.hpp"

namespace ctclip {

/// The union of the shards that the index names. Every tensor must be in exactly the shard that the index
/// says, and shards are plain file names in the index's own folder.
/// @throws Error kBadInput naming the broken rule; kIoError, kNoPermission.
NamedArrays read_safetensors_index(std::filesystem::path const& path);

}  // namespace ctclip
