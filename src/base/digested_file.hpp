/// A file that is read once, from its start to its end, and digested on the way: so that what was converted and what
/// the digest is of are the same bytes, read once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/file_descriptor.hpp"

namespace ctclip {

class DigestedFile {
  public:
    /// Both must outlive this. @param offset  where the digest begins.
    DigestedFile(FileDescriptor const& file, std::filesystem::path const& path, std::uint64_t offset = 0)
        : file_(file), path_(path), offset_(offset) {}

    /// The next `out.size()` bytes. @throws Error as read_exactly.
    void read(std::span<std::byte> out);
    /// Digests what lies before `offset`, which must not be behind.
    void skip_to(std::uint64_t offset);

    std::uint32_t crc32c() const noexcept { return crc32c_; }  ///< of what has been read

  private:
    FileDescriptor const& file_;
    std::filesystem::path const& path_;
    std::uint64_t offset_;
    std::uint32_t crc32c_ = 0;
};

/// CRC-32C of a whole file. @throws Error kIoError.
std::uint32_t file_crc32c(FileDescriptor const& file, std::filesystem::path const& path);

}  // namespace ctclip
