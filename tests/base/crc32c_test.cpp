#include "base/crc32c.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

std::uint32_t crc32c_of(std::string_view text) {
    return crc32c(std::as_bytes(std::span(text)));
}

TEST(Crc32c, GivesThePublishedCheckValues) {
    EXPECT_EQ(crc32c_of(""), 0U);
    EXPECT_EQ(crc32c_of("123456789"), 0xE3069283U);              // the catalogue's check value
    EXPECT_EQ(crc32c(std::vector<std::byte>(32)), 0x8A9136AAU);  // RFC 3720, B.4: 32 zero bytes
    EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xFF})), 0x62A8AB43U);
}

TEST(Crc32c, EqualsTheTableAtEveryLengthAroundItsStripes) {
    std::vector<std::byte> bytes(40'000);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(splitmix64(7, i));
    }
    for (Crc32cImplementation const& implementation : crc32c_implementations()) {
        for (std::size_t const length : {0U, 1U, 7U, 8U, 9U, 255U, 256U, 257U, 511U, 512U, 775U, 4096U,
                                         12'287U, 12'288U, 12'289U, 24'576U, 39'999U}) {
            std::span<std::byte const> const part(bytes.data() + 1, length);
            EXPECT_EQ(implementation.run(part, 77), crc32c_reference(part, 77))
                << implementation.name << ", " << length << " bytes";
        }
    }
}

TEST(Crc32c, ContinuesWhereItStopped) {
    std::vector<std::byte> const bytes(30'000, std::byte{0x5A});
    std::span<std::byte const> const all(bytes);
    EXPECT_EQ(crc32c(all.subspan(12'345), crc32c(all.first(12'345))), crc32c(all));
}

TEST(Crc32c, OfTwoPartsIsThatOfTheWhole) {
    std::vector<std::byte> bytes(70'000);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(splitmix64(8, i));
    }
    std::span<std::byte const> const all(bytes);
    for (std::size_t const cut : {0U, 1U, 7U, 4096U, 4465U, 69'999U, 70'000U}) {
        std::span<std::byte const> const rest = all.subspan(cut);
        EXPECT_EQ(crc32c_of_both(crc32c(all.first(cut)), crc32c(rest), rest.size()), crc32c(all)) << cut;
    }
}

}  // namespace
}  // namespace ctclip
