/// Large files written block by block, past the page cache, while the next block is computed.
///
/// Where the file system takes direct I/O and the kernel has io_uring, submit() only hands a block over; everywhere
/// else it writes before it returns. The bytes are the same, and no failed write goes unreported: submit() or finish()
/// throws.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/direct_io.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {

class BlockWriter {
  public:
    /// @param file  new and empty. It and `path` must outlive this.
    BlockWriter(FileDescriptor const& file, std::filesystem::path const& path);
    BlockWriter(BlockWriter const&) = delete;
    BlockWriter& operator=(BlockWriter const&) = delete;
    ~BlockWriter();

    /// kDirectBlockBytes to be filled; they stand behind what has been submitted.
    std::span<std::byte> block() const noexcept { return blocks_[current_].bytes(); }
    /// block() is full: it is to be written, and block() is the other one now. @throws Error kIoError, kNoPermission:
    /// this block or the one before could not be written.
    void submit();
    /// Writes the first `num_bytes` bytes of block(), the file's last ones, and waits for everything. @throws as
    /// submit().
    void finish(std::size_t num_bytes);

    /// What the kernel has, from the file's beginning.
    std::uint64_t num_bytes_written() const noexcept { return offset_ - (is_pending_ ? kDirectBlockBytes : 0); }

    /// "direct I/O, io_uring", or what is done instead; known after the first submit().
    std::string const& method() const noexcept { return method_; }

  private:
    class Ring;

    void start();
    void await_pending();
    void write_now(std::span<std::byte const> bytes, std::uint64_t offset) const;

    FileDescriptor const& file_;
    std::filesystem::path const& path_;
    std::array<DirectBlock, 2> blocks_;
    std::size_t current_ = 0;
    std::uint64_t offset_ = 0;    ///< in the file, of block()
    bool is_pending_ = false;     ///< the other block is with the kernel
    std::unique_ptr<Ring> ring_;  ///< none: submit() writes
    std::string method_;
};

}  // namespace ctclip
