#include "base/output_folder.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.hpp"

namespace ctclip {

namespace fs = std::filesystem;

fs::path nearest_existing(fs::path folder) {
    folder = fs::absolute(folder);
    std::error_code is_unreachable;  // a file among the folders above, or no permission: not there
    while (!fs::exists(folder, is_unreachable) && folder.has_relative_path()) {
        folder = folder.parent_path();
    }
    return folder;
}

void create_folder(fs::path const& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        fail_errno(ExitCode::kCannotCreate, "cannot create the folder " + folder.string(), error.value());
    }
    bool const is_folder = fs::is_directory(folder, error);
    if (error) {
        fail_errno(ExitCode::kIoError, "cannot look at " + folder.string(), error.value());
    }
    require(is_folder, ExitCode::kCannotCreate, "{} is not a folder. Choose another output.", folder.string());
}

void require_creatable(fs::path const& folder) {
    fs::path const existing = nearest_existing(folder);
    require(fs::is_directory(existing), ExitCode::kCannotCreate,
            "cannot create the folder {}: {} is not a folder. Choose another output.", folder.string(),
            existing.string());
    if (::access(existing.c_str(), W_OK | X_OK) != 0) {
        fail_errno(ExitCode::kCannotCreate, "cannot write in " + existing.string(), errno);
    }
}

}  // namespace ctclip
