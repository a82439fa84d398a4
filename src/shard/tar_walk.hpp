/// Lists the members of an uncompressed tar without trusting a byte of it: ustar, pax, GNU, old GNU and v7
/// headers, long names, directories. A file that ends without its end marker, lies about a size or holds
/// anything but regular files and directories is refused: readers that go on lose
/// samples silently.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"

namespace ctclip {

struct TarMember {
    std::string name;  ///< UTF-8, relative, no "..", no control characters; a leading "./" is kept
    std::uint64_t header_offset =
        0;  ///< of its first block: extensions (pax, long name) belong to the member
    std::uint64_t data_offset = 0;
    std::uint64_t size_bytes = 0;  ///< data_offset + size_bytes <= size of the file
};

struct TarListing {
    std::vector<TarMember> members;  ///< regular files, in file order
    std::string type_flags;  ///< of every header, in file order: 0 regular, x pax, L long name, 5 folder ...
    std::uint64_t end_of_archive_offset = 0;  ///< of the first of the two zero blocks
    std::uint64_t file_size_bytes = 0;
};

/// @param path  for messages.
/// @throws Error kBadInput (path, offset, member, cause), kIoError.
TarListing walk_tar(FileDescriptor const& file, std::filesystem::path const& path);

}  // namespace ctclip
