#include "zip/zip_crc32.hpp"

#include <isa-l/crc.h>

namespace ctclip {

std::uint32_t zip_crc32(std::span<std::byte const> bytes, std::uint32_t crc) {
    return ::crc32_gzip_refl(crc, reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size());
}

}  // namespace ctclip
