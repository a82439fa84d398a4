/// A volume of the archive, whatever format its file has.
#pragma once

#include <filesystem>
#include <string>

#include "nifti/nifti_reader.hpp"
#include "npz/npz_reader.hpp"

namespace ctclip {

/// .npz, .nii and .nii.gz, by name.
bool is_volume_file(std::filesystem::path const& path);
/// The file name without the ending: the name of the study.
std::string volume_stem(std::filesystem::path const& path);

class SourceReader {
  public:
    /// @param npz_key  of NPZ files.
    /// @return         axes (x, y, z); valid until the next call.
    /// @throws Error as NpzReader and NiftiReader.
    NpzArray const& read(std::filesystem::path const& path, std::string const& npz_key);

    /// Headers only. @throws Error as read(), as far as these say.
    VolumeSummary peek(std::filesystem::path const& path, std::string const& npz_key);

  private:
    NpzReader npz_;
    NiftiReader nifti_;
};

}  // namespace ctclip
