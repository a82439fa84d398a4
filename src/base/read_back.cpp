#include "base/read_back.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace ctclip {
namespace {

/// Large enough that starting a thread and syncing do not count.
constexpr std::uint64_t kPartBytes = std::uint64_t{64} << 20;
static_assert(kPartBytes % kDirectBlockBytes == 0);

}  // namespace

ReadBack::~ReadBack() {
    if (running_.valid()) {
        running_.wait();
    }
}

void ReadBack::follow(std::uint64_t end) {
    if (running_.valid()) {
        if (running_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
            return;  // storage reads slower than it writes: a larger part next time
        }
        running_.get();
    }
    std::uint64_t const part_end = end / kDirectBlockBytes * kDirectBlockBytes;
    if (can_follow_ && part_end - offset_ >= kPartBytes) {
        try {
            running_ = std::async(std::launch::async, [this, part_end] { read_early(part_end); });
        } catch (std::system_error const& error) {
            give_up_following(error.what());  // no more threads
        }
    }
}

std::uint32_t ReadBack::finish(std::uint64_t num_bytes) {
    if (running_.valid()) {
        running_.get();
    }
    FileDescriptor const file = open();
    std::uint64_t const size_bytes = file_size_bytes(file, path_);
    require(size_bytes == num_bytes, ExitCode::kIoError,
            "{}: {} bytes were written, but the file has {}; the storage is not reliable", path_.string(), num_bytes,
            size_bytes);
    read_until(file, num_bytes);
    return crc32c_;
}

FileDescriptor ReadBack::open() const {
    FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        fail_errno(ExitCode::kIoError, "cannot read back " + path_.string(), errno);
    }
    return file;
}

void ReadBack::read_early(std::uint64_t end) {
    FileDescriptor const file = open();
    if (::fdatasync(file.get()) != 0) {
        fail_errno(ExitCode::kIoError, "cannot sync " + path_.string(), errno);
    }
    try {
        read_until(file, end);
    } catch (Error const& error) {
        give_up_following(error.what());  // some file systems show a file's bytes only when its writer has closed it
    }
}

void ReadBack::read_until(FileDescriptor const& file, std::uint64_t end) {
    // Ask for what the disk holds, not for our own pages, where there is no direct I/O.
    ::posix_fadvise(file.get(), static_cast<off_t>(offset_), static_cast<off_t>(end - offset_), POSIX_FADV_DONTNEED);
    std::uint32_t crc = crc32c_;
    for_each_stored_block(file, path_, offset_, end, block_,
                          [&](std::span<std::byte const> block) { crc = crc32c(block, crc); });
    crc32c_ = crc;
    offset_ = end;
}

void ReadBack::give_up_following(std::string_view reason) {
    log_debug("{} is read back at its end only: {}", path_.string(), reason);
    can_follow_ = false;
}

}  // namespace ctclip
