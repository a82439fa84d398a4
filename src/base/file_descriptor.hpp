/// POSIX file descriptors: owner, complete reads and writes, errors with the path.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/handle.hpp"

namespace ctclip {

struct FileDescriptorTraits {
    using Raw = int;
    static Raw null() noexcept { return -1; }
    static void close(Raw raw) noexcept { ::close(raw); }
};
using FileDescriptor = UniqueHandle<FileDescriptorTraits>;

/// Opens for reading. @throws Error kBadInput if it does not exist or is no regular file, kNoPermission, kIoError.
FileDescriptor open_for_reading(std::filesystem::path const& path);

std::uint64_t file_size_bytes(FileDescriptor const& file, std::filesystem::path const& path);

/// Reads exactly `out.size()` bytes at `offset`. Thread-safe. @throws Error kBadInput when the file ends early,
/// kIoError.
void read_exactly(FileDescriptor const& file, std::filesystem::path const& path, std::uint64_t offset,
                  std::span<std::byte> out);

/// Writes all of `bytes` at the end of a file opened for appending. @throws Error kIoError.
void append_all(FileDescriptor const& file, std::filesystem::path const& path, std::string_view bytes);

/// The whole file. @throws Error kBadInput above `limit_bytes`.
std::vector<std::byte> read_file(std::filesystem::path const& path, std::uint64_t limit_bytes = UINT64_MAX);
std::string read_text_file(std::filesystem::path const& path, std::uint64_t limit_bytes = UINT64_MAX);

}  // namespace ctclip
