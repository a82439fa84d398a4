/// A state dict out of a file of torch.save (`.pt`, `.pth`, `.bin`, `.ckpt`), without executing its pickle.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/array.hpp"

namespace ctclip {

struct TorchFile {
    NamedArrays tensors;  ///< names as in the file; every tensor as its own row-major copy
    /// What is `true` under config/model/image_encoder of a training checkpoint, such as "use_swiglu": models
    /// that differ in nothing else have equal names and shapes.
    std::set<std::string> switches;
};

/// The state dict: the root if it holds tensors, else what stands under "model_state_dict", "state_dict" or
/// "model". Plain values beside tensors are named in a warning. Memory: the tensors, plus the largest
/// storage; at most about eight times the file.
/// @throws Error kBadInput naming the broken rule; kIoError, kNoPermission.
TorchFile read_torch_file(std::filesystem::path const& path);

}  // namespace ctclip
