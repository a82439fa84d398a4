/// Finds the volumes below a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

struct FoundVolume {
    std::string study_id;  ///< file name without ".npz", ".nii" or ".nii.gz"
    std::string path;      ///< relative to the folder
    std::uint64_t size_bytes = 0;
};

/// What is named like a volume but is no file; or a link of any name that leads nowhere, which may have led to a folder
/// of volumes.
struct PassedOver {
    std::string study_id;   ///< as of a volume
    std::string path;       ///< relative to the folder
    std::string_view kind;  ///< "a folder", "a symbolic link to nothing"
};

struct VolumeScan {
    std::vector<FoundVolume> volumes;  ///< sorted bytewise by study id
    /// Sorted by path; without folders that share their name with a volume (some tools unpack x.nii to x.nii/x.nii).
    std::vector<PassedOver> passed_over;
};

/// *.npz, *.nii and *.nii.gz files at any depth, links followed, hidden names left out, as Python's glob does.
/// @throws Error kBadInput if the folder does not exist, two files have one name or a link leads back to a folder above
/// itself; kNoPermission, kIoError.
VolumeScan scan_volumes(std::filesystem::path const& folder);

/// "a.npz (a folder), b.npz (a FIFO), ...": the first few, for messages.
std::string list_start(std::vector<PassedOver> const& passed_over);

}  // namespace ctclip
