#include "base/unchanged_file.hpp"

#include <cerrno>

#include "base/error.hpp"

namespace ctclip {
namespace {

struct stat status_of(FileDescriptor const& file, std::filesystem::path const& path) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        fail_errno(ExitCode::kIoError, "cannot stat " + path.string(), errno);
    }
    return status;
}

}  // namespace

UnchangedFile::UnchangedFile(FileDescriptor const& file, std::filesystem::path const& path)
    : file_(file), path_(path), before_(status_of(file, path)) {}

void UnchangedFile::require_unchanged() const {
    struct stat const after = status_of(file_, path_);
    bool const is_same = before_.st_size == after.st_size && before_.st_mtim.tv_sec == after.st_mtim.tv_sec &&
                         before_.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
    require(is_same, ExitCode::kTryAgain,
            "{}: the file changed while it was read. Run again when its writer is done.", path_.string());
}

}  // namespace ctclip
