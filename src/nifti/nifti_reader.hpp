/// A CT volume out of a .nii or .nii.gz, turned to LPS, in the form in which NPZ volumes come.
#pragma once

#include <filesystem>
#include <span>

#include "nifti/nifti_header.hpp"
#include "npz/npz_reader.hpp"

namespace ctclip {

/// The key of such a volume, where an NPZ has its array's name.
inline constexpr char const* kNiftiKey = "nifti";

bool is_nifti(std::filesystem::path const& path);  ///< by its name

/// Reads volume after volume into the same memory (the file and the turned volume at a time).
class NiftiReader {
  public:
    explicit NiftiReader(NpzLimits limits = {}) : limits_(limits) {}

    /// Compressed or not: its first bytes say, whatever its name. Gzip may come in several members (bgzip).
    /// Axes (x, y, z) run to the left, the back and the head, in Fortran order, little-endian. The header's
    /// scaling is applied in float64 and the type is then kF64; without scaling the stored type is kept, and
    /// no value changes. Where sform and qform contradict each other the sform counts, and
    /// header().orientation_conflict says so.
    /// @return  valid until the next call.
    /// @throws Error kBadInput (path, what is wrong), kTryAgain if the file changed while it was read,
    /// kIoError,
    ///               kNoPermission.
    NpzArray const& read(std::filesystem::path const& path);

    /// Reads the header only; no checksum. @throws Error as read(), as far as it says.
    VolumeSummary peek(std::filesystem::path const& path) const;

    /// Of the volume read last.
    NiftiHeader const& header() const { return header_; }
    std::uint32_t file_crc32c() const { return file_crc32c_; }

  private:
    /// Fills header_ and returns the voxels as stored.
    std::span<std::byte const> load(std::filesystem::path const& path);

    NpzLimits limits_;
    ScratchBuffer raw_;      ///< the file
    ScratchBuffer content_;  ///< what it holds, if it is compressed
    NiftiHeader header_;
    std::uint32_t file_crc32c_ = 0;
    NpzArray array_;
};

}  // namespace ctclip
