/// Finds the volumes below a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ctclip {

struct FoundVolume {
    std::string study_id;  ///< file name without ".npz", ".nii" or ".nii.gz"
    std::string path;      ///< relative to the folder
    std::uint64_t size_bytes = 0;
};

/// *.npz, *.nii and *.nii.gz files at any depth, links followed, hidden names left out, as Python's glob does; sorted bytewise by
/// study id.
/// @throws Error kBadInput if the folder does not exist or two files have one name, kNoPermission, kIoError.
std::vector<FoundVolume> scan_volumes(std::filesystem::path const& folder);

}  // namespace ctclip
