/// The table of contents of a zip file (APPNOTE 6.3), read from its end and held against the local headers:
/// where the two disagree the file is refused, so that there is never a question which one counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"

namespace ctclip {

/// Text behind the directory.
enum class ZipComment { kAllowed, kRefused };

enum class ZipMethod : std::uint16_t { kStored = 0, kDeflated = 8 };

struct ZipMember {
    std::string name;  ///< as in the file: to be compared, never to be used as a path
    ZipMethod method = ZipMethod::kStored;
    std::uint32_t crc32 = 0;
    std::uint64_t compressed_bytes = 0;
    std::uint64_t uncompressed_bytes = 0;  ///< a claim; the data may say otherwise
    std::uint64_t data_offset = 0;         ///< in the file, of the compressed bytes
};

/// All members, in file order. They and the directory fill the file without gaps or overlaps, and no name is
/// there twice. A stored member's two sizes agree. zip64 and data descriptors are understood; several disks,
/// encryption and other methods are not.
/// @throws Error kBadInput naming `path` and the broken rule.
std::vector<ZipMember> read_zip_directory(FileDescriptor const& file, std::filesystem::path const& path,
                                          std::uint64_t file_bytes,
                                          ZipComment comment = ZipComment::kAllowed);

}  // namespace ctclip
