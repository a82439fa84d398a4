#include "base/block_writer.hpp"

#include <liburing.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace ctclip {

/// An io_uring for one write at a time.
class BlockWriter::Ring {
  public:
    /// Null, with a word in the log, where the kernel (or a container's rules) has none.
    static std::unique_ptr<Ring> make() {
        std::unique_ptr<Ring> ring(new Ring);
        int const status = ::io_uring_queue_init(kNumEntries, &ring->ring_, 0);
        if (status < 0) {
            log_debug("no io_uring ({}): blocks are written one after the other",
                      std::generic_category().message(-status));
            return nullptr;
        }
        ring->is_open_ = true;
        return ring;
    }
    Ring(Ring const&) = delete;
    Ring& operator=(Ring const&) = delete;
    ~Ring() {
        if (is_open_) {
            ::io_uring_queue_exit(&ring_);
        }
    }

    /// False: the kernel has not taken it.
    bool start_write(int file, std::span<std::byte const> bytes, std::uint64_t offset) {
        io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
        CTCLIP_EXPECT(entry != nullptr);
        ::io_uring_prep_write(entry, file, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
        return ::io_uring_submit(&ring_) == 1;
    }

    /// @return  bytes written, or -errno.
    int await_write() {
        io_uring_cqe* completion = nullptr;
        int status = 0;
        do {
            status = ::io_uring_wait_cqes(&ring_, &completion, 1, nullptr, nullptr);
        } while (status == -EINTR);
        if (status < 0) {
            return status;
        }
        int const result = completion->res;
        ::io_uring_cqe_seen(&ring_, completion);
        return result;
    }

  private:
    static constexpr unsigned kNumEntries = 2;

    Ring() = default;

    io_uring ring_{};
    bool is_open_ = false;
};

BlockWriter::BlockWriter(FileDescriptor const& file, std::filesystem::path const& path)
    : file_(file), path_(path) {}

BlockWriter::~BlockWriter() {
    if (is_pending_) {
        ring_->await_write();  // the kernel still reads from the block; the file is given up
    }
}

void BlockWriter::start() {
    bool const is_direct = set_direct_io(file_, true);
    ring_ = is_direct ? Ring::make() : nullptr;
    method_ = fmt::format("{}, {}", is_direct ? "direct I/O" : "page cache", ring_ ? "io_uring" : "plain writes");
    log_debug("{}: written with {}", path_.string(), method_);
}

void BlockWriter::submit() {
    if (offset_ == 0) {
        start();
    }
    await_pending();
    is_pending_ = ring_ && ring_->start_write(file_.get(), block(), offset_);
    if (!is_pending_) {
        ring_.reset();
        write_now(block(), offset_);
    }
    offset_ += kDirectBlockBytes;
    current_ = 1 - current_;
}

void BlockWriter::finish(std::size_t num_bytes) {
    await_pending();
    if (offset_ > 0) {
        set_direct_io(file_, false);  // the rest is no whole sector
    }
    write_now(block().first(num_bytes), offset_);
    offset_ += num_bytes;
}

void BlockWriter::await_pending() {
    if (!std::exchange(is_pending_, false)) {
        return;
    }
    std::span<std::byte const> const bytes = blocks_[1 - current_].bytes();
    int const result = ring_->await_write();
    bool const is_worth_a_plain_write =
        result >= 0 || result == -EINTR || result == -EAGAIN || result == -EINVAL || result == -EOPNOTSUPP;
    if (!is_worth_a_plain_write) {
        fail_errno(ExitCode::kIoError, "cannot write " + path_.string(), -result);
    }
    std::size_t const num_written = result < 0 ? 0 : static_cast<std::size_t>(result);
    if (num_written < bytes.size()) {
        write_now(bytes.subspan(num_written), offset_ - bytes.size() + num_written);
    }
}

void BlockWriter::write_now(std::span<std::byte const> bytes, std::uint64_t offset) const {
    while (!bytes.empty()) {
        ssize_t const put = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(put));
            offset += static_cast<std::uint64_t>(put);
            if (offset % kDirectAlignment != 0) {
                set_direct_io(file_, false);  // after a short write the rest is no longer aligned
            }
        } else if (put < 0 && errno == EINVAL && is_direct_io(file_) && set_direct_io(file_, false)) {
            continue;  // a file system that takes no direct I/O after all
        } else if (put == 0 || errno != EINTR) {
            fail_errno(ExitCode::kIoError, "cannot write " + path_.string(), put < 0 ? errno : ENOSPC);
        }
    }
}

}  // namespace ctclip
