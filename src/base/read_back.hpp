/// Reads a new file back from storage while the rest of it is still being written, so that the end of a large file is
/// not followed by reading all of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <string_view>

#include "base/direct_io.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {

class ReadBack {
  public:
    /// @param path  of the file; must outlive this.
    explicit ReadBack(std::filesystem::path const& path) : path_(path) {}
    ReadBack(ReadBack const&) = delete;
    ReadBack& operator=(ReadBack const&) = delete;
    ~ReadBack();

    /// The kernel has all bytes before `end`. Every 64 MiB or so a second thread syncs and reads what has come since;
    /// what it cannot read is left to finish().
    /// @throws Error kIoError: an earlier part could not be synced.
    void follow(std::uint64_t end);
    /// Reads the rest, after the file was synced and closed. A part that was read early is not read again: a write that
    /// goes astray into it later is not seen.
    /// @return  the CRC-32C of the file as storage has it.
    /// @throws Error kIoError; so too if its size is not `num_bytes`.
    std::uint32_t finish(std::uint64_t num_bytes);

  private:
    FileDescriptor open() const;
    void read_early(std::uint64_t end);
    void read_until(FileDescriptor const& file, std::uint64_t end);
    void give_up_following(std::string_view reason);

    std::filesystem::path const& path_;
    DirectBlock block_;
    // The running read's, until it is awaited.
    std::uint64_t offset_ = 0;
    std::uint32_t crc32c_ = 0;  ///< of the bytes before it
    bool can_follow_ = true;
    std::future<void> running_;
};

}  // namespace ctclip
