/// A CT volume out of a .nii or .nii.gz, turned to LPS, in the form in which NPZ volumes come.
#pragma once

#include <array>
#include <filesystem>

#include "npz/npz_reader.hpp"

namespace ctclip {

/// The key of such a volume, where an NPZ has its array's name.
inline constexpr char const* kNiftiKey = "nifti";

bool is_nifti(std::filesystem::path const& path);  ///< by its name

/// Reads volume after volume into the same memory (the file and the turned volume at a time).
class NiftiReader {
  public:
    explicit NiftiReader(NpzLimits limits = {}) : limits_(limits) {}

    /// Axes (x, y, z) run to the left, the back and the head, in Fortran order, little-endian. The header's scaling is
    /// applied in float64 and the type is then kF64; without scaling the stored type is kept, and no value changes.
    /// @return  valid until the next call.
    /// @throws Error kBadInput (path, what is wrong), kTryAgain if the file changed while it was read, kIoError,
    ///               kNoPermission.
    NpzArray const& read(std::filesystem::path const& path);

    /// Of the volume read last: along x, y, z.
    std::array<double, 3> const& spacing_mm() const { return spacing_mm_; }

  private:
    /// The uncompressed file.
    std::span<std::byte const> load(std::filesystem::path const& path);

    NpzLimits limits_;
    ScratchBuffer compressed_;
    ScratchBuffer content_;
    NpzArray array_;
    std::array<double, 3> spacing_mm_{};
};

}  // namespace ctclip
