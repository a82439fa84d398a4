/// Weights from any file that people have: found out by content, never by extension.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/array.hpp"

namespace ctclip {

struct WeightFile {
    std::string format;  ///< "checkpoint", "safetensors", "safetensors index" or "torch"
    NamedArrays tensors;
    std::set<std::string> switches =
        {};  ///< of the model that a Python training checkpoint holds (TorchFile)
};

/// Reads a ctclip checkpoint (its model), a safetensors file, a `*.safetensors.index.json` with its shards,
/// or a file of torch.save. Names lose any leading "module." and "_orig_mod.". Accepts F64 F32 F16 BF16 I64
/// I32 I16 I8 U8 BOOL.
/// @throws Error kBadInput naming the file and what is wrong with it; kIoError, kNoPermission.
WeightFile read_weight_file(std::filesystem::path const& path);

}  // namespace ctclip
