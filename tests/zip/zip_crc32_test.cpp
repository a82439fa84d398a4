#include "zip/zip_crc32.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "base/splitmix64.hpp"
#include "support/random_bytes.hpp"

namespace ctclip {
namespace {

std::uint32_t crc32_of_zlib(std::span<std::byte const> bytes, std::uint32_t crc) {
    return static_cast<std::uint32_t>(
        ::crc32(crc, reinterpret_cast<Bytef const*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

TEST(ZipCrc32, OfNothingIsZero) {
    EXPECT_EQ(zip_crc32({}), 0U);
    EXPECT_EQ(zip_crc32({}, 0x12345678U), 0x12345678U);
}

TEST(ZipCrc32, IsZlibsForEverySizeAndAlignmentAndInPieces) {
    std::vector<std::byte> const bytes = random_bytes(7, 70'000);
    for (std::size_t size = 0; size < 1100; ++size) {
        std::span<std::byte const> const some = std::span(bytes).subspan(size % 67, size);
        ASSERT_EQ(zip_crc32(some), crc32_of_zlib(some, 0)) << size;
    }
    std::uint32_t crc = 0;
    for (std::span<std::byte const> rest = bytes; !rest.empty();) {
        std::size_t const num_bytes = splitmix64(8, rest.size()) % 9000 + 1;
        std::span<std::byte const> const piece = rest.first(std::min(rest.size(), num_bytes));
        crc = zip_crc32(piece, crc);
        rest = rest.subspan(piece.size());
    }
    EXPECT_EQ(crc, crc32_of_zlib(bytes, 0));
}

}  // namespace
}  // namespace ctclip
