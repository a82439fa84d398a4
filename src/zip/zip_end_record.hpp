/// Where a zip file's directory lies: the end record, and its zip64 twin.
#pragma once

#include <cstdint>

#include "zip/zip_directory.hpp"
#include "zip/zip_source.hpp"

namespace ctclip {

struct ZipDirectoryLocation {
    std::uint64_t num_members = 0;  ///< a claim
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;  ///< inside the file, at most 64 MiB
};

/// @throws Error kBadInput unless the directory ends exactly where the end records begin.
ZipDirectoryLocation locate_zip_directory(ZipSource const& source, ZipComment comment);

}  // namespace ctclip
