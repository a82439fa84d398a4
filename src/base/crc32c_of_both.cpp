// A message is a polynomial over GF(2), its checksum the remainder modulo CRC-32C's: putting n bytes behind a message
// multiplies its remainder by x^(8n). Bit 31 is the coefficient of x^0, as everywhere in this checksum.
#include <array>
#include <cstddef>

#include "base/crc32c.hpp"

namespace ctclip {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;
constexpr std::uint32_t kOne = std::uint32_t{1} << 31;

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
    std::uint32_t product = 0;
    for (; a != 0; a <<= 1) {
        product ^= (a & kOne) != 0 ? b : 0;
        b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
    }
    return product;
}

/// x^(8 * 2^k)
constexpr auto kPowers = [] {
    std::array<std::uint32_t, 64> powers{};
    powers[0] = kOne >> 8;
    for (std::size_t k = 1; k < powers.size(); ++k) {
        powers[k] = multiply(powers[k - 1], powers[k - 1]);
    }
    return powers;
}();

}  // namespace

std::uint32_t crc32c_of_both(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t num_bytes_b) {
    for (std::size_t k = 0; num_bytes_b != 0; ++k, num_bytes_b >>= 1) {
        crc_a = (num_bytes_b & 1) != 0 ? multiply(kPowers[k], crc_a) : crc_a;
    }
    return crc_a ^ crc_b;
}

}  // namespace ctclip
