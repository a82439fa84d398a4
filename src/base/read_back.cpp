#include "base/read_back.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/crc32c.hpp"
#include "base/direct_io.hpp"
#include "base/error.hpp"

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
    if (part_end - offset_ >= kPartBytes) {
        running_ = std::async(std::launch::async, [this, part_end] { read_until(part_end, false); });
    }
}

std::uint32_t ReadBack::finish(std::uint64_t num_bytes) {
    if (running_.valid()) {
        running_.get();
    }
    read_until(num_bytes, true);
    return crc32c_;
}

void ReadBack::read_until(std::uint64_t end, bool is_synced) {
    FileDescriptor const file = open_for_reading(path_);
    if (!is_synced && ::fdatasync(file.get()) != 0) {
        fail_errno(ExitCode::kIoError, "cannot sync " + path_.string(), errno);
    }
    // Ask for what the disk holds, not for our own pages, where there is no direct I/O.
    ::posix_fadvise(file.get(), static_cast<off_t>(offset_), static_cast<off_t>(end - offset_), POSIX_FADV_DONTNEED);
    for_each_stored_block(file, path_, offset_, end,
                          [&](std::span<std::byte const> block) { crc32c_ = crc32c(block, crc32c_); });
    offset_ = end;
}

}  // namespace ctclip
