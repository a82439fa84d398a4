/// The numbers of the tar format, and the one kind of header that the suite writes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ctclip {

inline constexpr std::size_t kTarBlockBytes = 512;
inline constexpr std::size_t kTarRecordBytes = 10'240;  ///< Python and GNU tar pad a whole archive to this

using TarBlock = std::array<char, kTarBlockBytes>;

/// Rounded up to whole blocks.
constexpr std::uint64_t tar_padded(std::uint64_t size_bytes) {
    return (size_bytes + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes;
}

/// Byte for byte the header of Python 3.11's tarfile for a TarInfo with a name and a size and nothing else
/// (tests/data/shard): mode 0644, owner 0, time 0, everything after the magic NUL.
/// @param name        at most 100 bytes of ASCII.
/// @param size_bytes  below 8 GiB: what eleven octal digits hold.
/// @throws Error kBadInput otherwise.
TarBlock make_tar_header(std::string_view name, std::uint64_t size_bytes);

}  // namespace ctclip
