#include "zip/zip_crc32.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <random>
#include <vector>

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
    std::mt19937_64 random(7);
    std::vector<std::byte> bytes(70'000);
    std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
    for (std::size_t size = 0; size < 1100; ++size) {
        std::span<std::byte const> const some = std::span(bytes).subspan(size % 67, size);
        ASSERT_EQ(zip_crc32(some), crc32_of_zlib(some, 0)) << size;
    }
    std::uint32_t crc = 0;
    for (std::span<std::byte const> rest = bytes; !rest.empty();) {
        std::span<std::byte const> const piece = rest.first(std::min<std::size_t>(rest.size(), random() % 9000));
        crc = zip_crc32(piece, crc);
        rest = rest.subspan(piece.size());
    }
    EXPECT_EQ(crc, crc32_of_zlib(bytes, 0));
}

}  // namespace
}  // namespace ctclip
