#include "base/file_descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.hpp"

namespace ctclip {

FileDescriptor open_for_reading(std::filesystem::path const& path) {
    // O_NONBLOCK: a FIFO without a writer is refused below instead of waited for; regular files do not heed it.
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) {
        int const error = errno;
        bool const is_absent = error == ENOENT || error == ENOTDIR;
        fail_errno(is_absent ? ExitCode::kBadInput : ExitCode::kIoError, "cannot open " + path.string(), error);
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        fail_errno(ExitCode::kIoError, "cannot stat " + path.string(), errno);
    }
    require(S_ISREG(status.st_mode), ExitCode::kBadInput, "{}: not a regular file", path.string());
    return file;
}

std::uint64_t file_size_bytes(FileDescriptor const& file, std::filesystem::path const& path) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        fail_errno(ExitCode::kIoError, "cannot stat " + path.string(), errno);
    }
    return static_cast<std::uint64_t>(status.st_size);
}

void read_exactly(FileDescriptor const& file, std::filesystem::path const& path, std::uint64_t offset,
                  std::span<std::byte> out) {
    std::size_t done = 0;
    while (done < out.size()) {
        ssize_t const got =
            ::pread(file.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fail_errno(ExitCode::kIoError, "cannot read " + path.string(), errno);
        }
        require(got > 0, ExitCode::kBadInput, "{}: file ends at byte {}, {} bytes were expected at offset {}",
                path.string(), offset + done, out.size(), offset);
        done += static_cast<std::size_t>(got);
    }
}

void append_all(FileDescriptor const& file, std::filesystem::path const& path, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t const put = ::write(file.get(), bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            fail_errno(ExitCode::kIoError, "cannot write " + path.string(), put < 0 ? errno : ENOSPC);
        }
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
}

std::vector<std::byte> read_file(std::filesystem::path const& path, std::uint64_t limit_bytes) {
    FileDescriptor const file = open_for_reading(path);
    std::uint64_t const size = file_size_bytes(file, path);
    require(size <= limit_bytes, ExitCode::kBadInput, "{}: {} bytes, at most {} are accepted here", path.string(),
            size, limit_bytes);
    std::vector<std::byte> bytes(size);
    read_exactly(file, path, 0, bytes);
    return bytes;
}

std::string read_text_file(std::filesystem::path const& path, std::uint64_t limit_bytes) {
    std::vector<std::byte> const bytes = read_file(path, limit_bytes);
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace ctclip
