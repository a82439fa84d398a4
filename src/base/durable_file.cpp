#include "base/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace ctclip {
namespace {

constexpr std::string_view kPartialSuffix = ".partial";
constexpr std::size_t kPieceBytes = std::size_t{128} << 10;  ///< checksummed and copied while the cache holds it
constexpr std::size_t kDigestedBytes = std::size_t{64} << 10;  ///< as many blocks of verity as are hashed side by side
static_assert(kDirectBlockBytes % kDigestedBytes == 0 && kDigestedBytes % kVerityBlockBytes == 0);

std::filesystem::path folder_of(std::filesystem::path const& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::filesystem::path partial_name(std::filesystem::path const& final_path) {
    std::random_device entropy;
    return folder_of(final_path) / fmt::format(".{}.{}.{:08x}{:08x}{}", final_path.filename().string(),
                                               ::getpid(), entropy(), entropy(), kPartialSuffix);
}

[[noreturn]] void refuse_existing(std::filesystem::path const& path) {
    fail(ExitCode::kCannotCreate, "{} exists already; a finished file is never overwritten", path.string());
}

bool is_same_file(std::filesystem::path const& a, std::filesystem::path const& b) {
    struct stat status_a {};
    struct stat status_b {};
    return ::stat(a.c_str(), &status_a) == 0 && ::stat(b.c_str(), &status_b) == 0 &&
           status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

/// Puts a file under a second name, or a new one where the file system has no links, unless that exists.
void name_new(std::filesystem::path const& file, std::filesystem::path const& name) {
    // link(2) fails where the name exists, which rename(2) would silently replace. NFS may lose the answer to a
    // link that was made, and ask again: then our own file is in the way.
    if (::link(file.c_str(), name.c_str()) == 0) {
        return;
    }
    int const link_error = errno;
    if (is_same_file(file, name)) {
        return;
    }
    if (link_error == EEXIST) {
        refuse_existing(name);
    }
    bool const has_no_links =
        link_error == EPERM || link_error == EOPNOTSUPP || link_error == ENOSYS || link_error == EMLINK;
    if (!has_no_links) {
        fail_errno(ExitCode::kIoError, "cannot link to " + name.string(), link_error);
    }
    if (::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) != 0) {
        int const rename_error = errno;
        if (rename_error == EEXIST) {
            refuse_existing(name);
        }
        require(rename_error != EINVAL, ExitCode::kCannotCreate,
                "cannot create {}: this file system can neither link nor rename without replacing what may be "
                "there. Choose an output on another one",
                name.string());
        fail_errno(ExitCode::kIoError, "cannot rename to " + name.string(), rename_error);
    }
}

}  // namespace

DurableFile::DurableFile(std::filesystem::path final_path, IfExists if_exists, FileDigest digest)
    : final_path_(std::move(final_path)),
      partial_path_(partial_name(final_path_)),
      if_exists_(if_exists),
      blocks_(file_, partial_path_),
      read_back_(partial_path_) {
    file_.reset(::open(partial_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file_) {
        fail_errno(ExitCode::kCannotCreate, "cannot create " + partial_path_.string(), errno);
    }
    if (digest == FileDigest::kFsVerity) {
        digest_.emplace();
    }
}

DurableFile::~DurableFile() {
    file_.reset();
    if (!partial_path_.empty() && ::unlink(partial_path_.c_str()) != 0 && errno != ENOENT) {
        log_warning("cannot remove {}: {}", partial_path_.string(), std::generic_category().message(errno));
    }
}

std::uint32_t DurableFile::write(std::span<std::byte const> bytes) {
    CTCLIP_EXPECT(!is_sealed_);
    std::uint64_t const num_bytes = bytes.size();
    std::uint32_t crc = 0;
    while (!bytes.empty()) {
        std::span<std::byte> const free = blocks_.block().subspan(block_used_bytes_);
        std::span<std::byte const> const piece = bytes.first(std::min({free.size(), bytes.size(), kPieceBytes}));
        crc = crc32c(piece, crc);
        std::copy(piece.begin(), piece.end(), free.begin());
        block_used_bytes_ += piece.size();
        bytes = bytes.subspan(piece.size());
        digest_groups_of(kDigestedBytes);  // while the cache holds them
        if (block_used_bytes_ == kDirectBlockBytes) {
            blocks_.submit();
            block_used_bytes_ = 0;
            read_back_.follow(blocks_.num_bytes_written());
        }
    }
    crc32c_ = crc32c_of_both(crc32c_, crc, num_bytes);
    bytes_written_ += num_bytes;
    return crc;
}

void DurableFile::digest_groups_of(std::size_t num_bytes) {
    if (digest_) {
        std::size_t const done = digest_->num_bytes() % kDirectBlockBytes;
        std::span<std::byte const> const rest = blocks_.block().subspan(done, block_used_bytes_ - done);
        digest_->add(rest.first(rest.size() / num_bytes * num_bytes));
    }
}

std::string DurableFile::seal() {
    CTCLIP_EXPECT(!is_sealed_);
    is_sealed_ = true;
    digest_groups_of(1);
    std::string digest = digest_ ? digest_->finish_hex() : "";
    blocks_.finish(block_used_bytes_);
    if (::fsync(file_.get()) != 0) {
        fail_errno(ExitCode::kIoError, "cannot sync " + partial_path_.string(), errno);
    }
    if (::close(file_.release()) != 0) {
        fail_errno(ExitCode::kIoError, "cannot close " + partial_path_.string(), errno);
    }
    verify_read_back();
    return digest;
}

void DurableFile::commit() {
    if (!is_sealed_) {
        seal();
    }
    if (if_exists_ == IfExists::kReplace) {
        if (::rename(partial_path_.c_str(), final_path_.c_str()) != 0) {
            fail_errno(ExitCode::kIoError, "cannot rename to " + final_path_.string(), errno);
        }
    } else {
        name_new(partial_path_, final_path_);
    }
    try {
        sync_folder(folder_of(final_path_));
    } catch (Error const&) {
        if (if_exists_ == IfExists::kRefuse) {
            ::unlink(final_path_.c_str());
        }
        throw;
    }
    if (::unlink(partial_path_.c_str()) != 0 && errno != ENOENT) {
        log_warning("cannot remove {}: {}", partial_path_.string(), std::generic_category().message(errno));
    }
    partial_path_.clear();
}

void DurableFile::verify_read_back() {
    std::uint32_t const found = read_back_.finish(bytes_written_);
    require(found == crc32c_, ExitCode::kIoError,
            "{}: what was read back differs from what was written (CRC-32C {:08x} instead of {:08x}); the storage is "
            "not reliable",
            final_path_.string(), found, crc32c_);
}

void write_durably(std::filesystem::path const& path, std::string_view content, IfExists if_exists) {
    DurableFile file(path, if_exists);
    file.write(content);
    file.commit();
}

void sync_folder(std::filesystem::path const& folder) {
    FileDescriptor const directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) {
        fail_errno(ExitCode::kIoError, "cannot sync folder " + folder.string(), errno);
    }
}

void sync_and_drop_cache(std::filesystem::path const& path) {
    FileDescriptor const file = open_for_reading(path);
    if (::fsync(file.get()) != 0) {
        fail_errno(ExitCode::kIoError, "cannot sync " + path.string(), errno);
    }
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

std::size_t sweep_partial_files(std::filesystem::path const& folder) {
    std::vector<std::filesystem::path> leftovers;
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        std::string const name = entry.path().filename().string();
        if (name.starts_with('.') && name.ends_with(kPartialSuffix)) {
            leftovers.push_back(entry.path());
        }
    }
    for (auto const& path : leftovers) {
        std::filesystem::remove(path);
    }
    return leftovers.size();
}

}  // namespace ctclip
