#include "convert/volume_scan.hpp"

#include <algorithm>
#include <system_error>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "convert/source_reader.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_scan(fs::path const& path, std::error_code const& error) {
    fail_errno(ExitCode::kIoError, "cannot look at " + path.string(), error.value());
}

bool is_hidden(fs::path const& path) {
    return path.filename().native().starts_with('.');
}

/// @throws Error where nobody can tell: a volume must not be left out because its file system fails.
bool is_file(fs::directory_entry const& entry) {
    std::error_code error;
    fs::file_status const status = entry.status(error);
    if (!fs::status_known(status)) {
        fail_scan(entry.path(), error);
    }
    return fs::is_regular_file(status);
}

FoundVolume found_volume(fs::path const& path, fs::path const& folder) {
    std::error_code error;
    std::uint64_t const size_bytes = fs::file_size(path, error);
    if (error) {
        fail_scan(path, error);
    }
    std::string const relative = path.lexically_relative(folder).string();
    std::size_t const bad_byte = invalid_utf8_offset(relative);
    require(bad_byte == std::string::npos, ExitCode::kBadInput,
            "{}/{}: its name is not UTF-8 from byte {} on, so that neither a CSV nor plan.json can name it; rename it, "
            "for example with convmv",
            folder.string(), printable(relative), bad_byte + 1);
    return {volume_stem(path), relative, size_bytes};
}

}  // namespace

std::vector<FoundVolume> scan_volumes(fs::path const& folder) {
    require(fs::is_directory(folder), ExitCode::kBadInput, "{}: no such folder of volumes",
            folder.string());
    std::vector<FoundVolume> volumes;
    std::error_code error;
    fs::path last = folder;  // what the iterator fails at: the folder that it just found
    fs::recursive_directory_iterator entry(folder, fs::directory_options::follow_directory_symlink, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        fs::path const& path = entry->path();
        last = path;
        if (is_hidden(path)) {
            entry.disable_recursion_pending();
        } else if (is_volume_file(path) && is_file(*entry)) {
            volumes.push_back(found_volume(path, folder));
        }
    }
    if (error) {
        fail_scan(last, error);
    }
    std::ranges::sort(volumes, {}, &FoundVolume::study_id);  // std::string compares bytes as unsigned char
    auto const twin = std::ranges::adjacent_find(volumes, {}, &FoundVolume::study_id);
    if (twin != volumes.end()) {
        fail(ExitCode::kBadInput,
             "{}: {} and {} are two volumes of one study (shards name studies by file name)", folder.string(),
             twin->path, std::next(twin)->path);
    }
    return volumes;
}

}  // namespace ctclip
