/// Reads a new file back from storage while the rest of it is still being written, so that the end of a large file is not
/// followed by reading all of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>

namespace ctclip {

class ReadBack {
  public:
    /// @param path  of the file; must outlive this.
    explicit ReadBack(std::filesystem::path const& path) : path_(path) {}
    ReadBack(ReadBack const&) = delete;
    ReadBack& operator=(ReadBack const&) = delete;
    ~ReadBack();

    /// The kernel has all bytes before `end`. Now and then a second thread syncs and reads what has come since.
    /// @throws Error kIoError: of what was read back earlier.
    void follow(std::uint64_t end);
    /// Reads the rest, after the file was synced.
    /// @return  the CRC-32C of its first `num_bytes` bytes as storage has them. @throws Error kIoError; kBadInput if it is
    ///          shorter.
    std::uint32_t finish(std::uint64_t num_bytes);

  private:
    void read_until(std::uint64_t end, bool is_synced);

    std::filesystem::path const& path_;
    // The running read's, until it is awaited.
    std::uint64_t offset_ = 0;
    std::uint32_t crc32c_ = 0;  ///< of the bytes before it
    std::future<void> running_;
};

}  // namespace ctclip
