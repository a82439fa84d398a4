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

constexpr std::string_view kFolder = "a folder";
constexpr std::size_t kNumListed = 3;

[[noreturn]] void fail_scan(fs::path const& path, std::error_code const& error) {
    fail_errno(ExitCode::kIoError, "cannot look at " + path.string(), error.value());
}

bool is_hidden(fs::path const& path) {
    return path.filename().native().starts_with('.');
}

/// @throws Error where nobody can tell: a volume must not be left out because its file system fails.
fs::file_type type_of(fs::directory_entry const& entry) {
    std::error_code error;
    fs::file_status const status = entry.status(error);
    std::error_code link_error;
    bool const is_broken_link = entry.is_symlink(link_error) && (status.type() == fs::file_type::not_found ||
                                                       error == std::errc::too_many_symbolic_link_levels);
    if (is_broken_link) {
        return fs::file_type::symlink;
    }
    if (!fs::status_known(status) || !fs::exists(status)) {
        fail_scan(entry.path(), error);
    }
    return status.type();
}

std::string_view name_of(fs::file_type type) {
    switch (type) {
        case fs::file_type::symlink:
            return "a symbolic link to nothing";
        case fs::file_type::directory:
            return kFolder;
        case fs::file_type::fifo:
            return "a FIFO";
        case fs::file_type::socket:
            return "a socket";
        default:
            return "a device";
    }
}

/// Searching it would never end, and with two such links in a folder the paths double with each level.
void require_no_way_back(fs::path const& link, fs::path const& folder) {
    fs::path above = folder;
    for (fs::path const& step : link.lexically_relative(folder)) {
        std::error_code error;
        bool const is_same = fs::equivalent(above, link, error);
        if (error) {
            fail_scan(link, error);
        }
        require(!is_same, ExitCode::kBadInput,
                "{}: this symbolic link leads back to {}, a folder that it lies in: the search for volumes would never "
                "end. Remove the link.",
                link.string(), above.string());
        above /= step;
    }
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

/// @return  whether to look into it, if it is a folder.
bool look_at(fs::directory_entry const& entry, fs::path const& folder, VolumeScan& scan) {
    fs::path const& path = entry.path();
    bool const is_named_like_one = is_volume_file(path);
    if (is_hidden(path) || !(is_named_like_one || entry.is_symlink())) {
        return !is_hidden(path);  // unless it is a link, its name alone says what it is
    }
    fs::file_type const type = type_of(entry);
    if (entry.is_symlink() && type == fs::file_type::directory) {
        require_no_way_back(path, folder);
    }
    if (is_named_like_one && type == fs::file_type::regular) {
        scan.volumes.push_back(found_volume(path, folder));
    } else if (is_named_like_one || type == fs::file_type::symlink) {
        scan.passed_over.push_back({volume_stem(path), path.lexically_relative(folder).string(), name_of(type)});
    }
    return type != fs::file_type::symlink;
}

void require_different_studies(std::vector<FoundVolume> const& volumes, fs::path const& folder) {
    auto const twin = std::ranges::adjacent_find(volumes, {}, &FoundVolume::study_id);
    if (twin != volumes.end()) {
        fail(ExitCode::kBadInput, "{}: {} and {} are two volumes of one study (shards name studies by file name)",
             folder.string(), twin->path, std::next(twin)->path);
    }
}

bool holds_study(std::vector<FoundVolume> const& volumes, std::string const& study_id) {
    return std::ranges::binary_search(volumes, study_id, {}, &FoundVolume::study_id);
}

}  // namespace

VolumeScan scan_volumes(fs::path const& folder) {
    require(fs::is_directory(folder), ExitCode::kBadInput, "{}: no such folder of volumes",
            folder.string());
    VolumeScan scan;
    std::error_code error;
    fs::path last = folder;  // what the iterator fails at: the folder that it just found
    fs::recursive_directory_iterator entry(folder, fs::directory_options::follow_directory_symlink, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        last = entry->path();
        if (!look_at(*entry, folder, scan)) {
            entry.disable_recursion_pending();
        }
    }
    if (error) {
        fail_scan(last, error);
    }
    std::ranges::sort(scan.volumes, {}, &FoundVolume::study_id);  // std::string compares bytes as unsigned char
    require_different_studies(scan.volumes, folder);
    std::erase_if(scan.passed_over,
                  [&](PassedOver const& it) { return it.kind == kFolder && holds_study(scan.volumes, it.study_id); });
    std::ranges::sort(scan.passed_over, {}, &PassedOver::path);
    return scan;
}

std::string list_start(std::vector<PassedOver> const& passed_over) {
    std::string text;
    for (std::size_t i = 0; i < std::min(passed_over.size(), kNumListed); ++i) {
        text += fmt::format("{}{} ({})", i > 0 ? ", " : "", printable(passed_over[i].path), passed_over[i].kind);
    }
    return passed_over.size() > kNumListed ? text + ", ..." : text;
}

}  // namespace ctclip
