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
    return is_nifti(path) ? nifti_.read(path) : npz_.read(path, npz_key);
}

VolumeSummary SourceReader::peek(std::filesystem::path const& path, std::string const& npz_key) {
    return is_nifti(path) ? nifti_.peek(path) : npz_.peek(path, npz_key);
}

}  // namespace ctclip
