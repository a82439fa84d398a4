#include "convert/source_reader.hpp"

#include <string_view>

namespace ctclip {
namespace {

constexpr std::array<std::string_view, 3> kEndings = {".npz", ".nii.gz", ".nii"};

}  // namespace

bool is_volume_file(std::filesystem::path const& path) {
    for (std::string_view const ending : kEndings) {
        if (path.native().ends_with(ending)) {
            return true;
        }
    }
    return false;
}

std::string volume_stem(std::filesystem::path const& path) {
    std::string name = path.filename().string();
    for (std::string_view const ending : kEndings) {
        if (name.ends_with(ending)) {
            name.resize(name.size() - ending.size());
            break;
        }
    }
    return name;
}

NpzArray const& SourceReader::read(std::filesystem::path const& path, std::string const& npz_key) {
    if (!is_nifti(path)) {
        spacing_mm_.reset();
        return npz_.read(path, npz_key);
    }
    NpzArray const& array = nifti_.read(path);
    spacing_mm_ = nifti_.spacing_mm();
    return array;
}

}  // namespace ctclip
