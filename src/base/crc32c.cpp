#include "base/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ctclip {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value & 1U) != 0 ? (value >> 1) ^ 0x82F63B78U : value >> 1;
        }
        table[byte] = value;
    }
    return table;
}
constexpr auto kTable = make_table();

constexpr std::uint32_t advance(std::uint32_t state, std::uint8_t byte) {
    return kTable[(state ^ byte) & 0xFFU] ^ (state >> 8);
}

#if defined(__x86_64__)

// The crc32 instruction has a latency of three cycles and a throughput of one: three independent stripes of
// the data keep it busy. A stripe's state is moved over the stripes behind it by a linear map, tabulated per
// byte.
constexpr std::size_t kStripeBytes = 4096;

class SkipStripes {
  public:
    explicit SkipStripes(std::size_t num_bytes) {
        for (std::size_t bit = 0; bit < 32; ++bit) {
            std::uint32_t state = std::uint32_t{1} << bit;
            for (std::size_t i = 0; i < num_bytes; ++i) {
                state = advance(state, 0);
            }
            auto& table = tables_[bit / 8];
            for (std::size_t byte = 0; byte < 256; ++byte) {
                if ((byte >> (bit % 8) & 1U) != 0) {
                    table[byte] ^= state;
                }
            }
        }
    }
    std::uint32_t operator()(std::uint32_t state) const {
        return tables_[0][state & 0xFFU] ^ tables_[1][state >> 8 & 0xFFU] ^ tables_[2][state >> 16 & 0xFFU] ^
               tables_[3][state >> 24];
    }

  private:
    std::array<std::array<std::uint32_t, 256>, 4> tables_{};
};

std::uint64_t word_at(std::byte const* bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::span<std::byte const> bytes,
                                                             std::uint32_t crc) {
    static SkipStripes const skip_one(kStripeBytes);
    static SkipStripes const skip_two(2 * kStripeBytes);
    std::byte const* next = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t state = ~crc;
    for (; left >= 3 * kStripeBytes; left -= 3 * kStripeBytes, next += 3 * kStripeBytes) {
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (std::size_t i = 0; i < kStripeBytes; i += 8) {
            state = _mm_crc32_u64(state, word_at(next + i));
            second = _mm_crc32_u64(second, word_at(next + kStripeBytes + i));
            third = _mm_crc32_u64(third, word_at(next + 2 * kStripeBytes + i));
        }
        state = skip_two(static_cast<std::uint32_t>(state)) ^ skip_one(static_cast<std::uint32_t>(second)) ^
                third;
    }
    for (; left >= 8; left -= 8, next += 8) {
        state = _mm_crc32_u64(state, word_at(next));
    }
    auto narrow = static_cast<std::uint32_t>(state);
    for (; left > 0; --left, ++next) {
        narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*next));
    }
    return ~narrow;
}

#endif

}  // namespace

std::uint32_t crc32c_reference(std::span<std::byte const> bytes, std::uint32_t crc) {
    std::uint32_t state = ~crc;
    for (std::byte const byte : bytes) {
        state = advance(state, static_cast<std::uint8_t>(byte));
    }
    return ~state;
}

std::uint32_t crc32c(std::span<std::byte const> bytes, std::uint32_t crc) {
#if defined(__x86_64__)
    static bool const has_sse42 = __builtin_cpu_supports("sse4.2") != 0;
    if (has_sse42) {
        return crc32c_sse42(bytes, crc);
    }
#endif
    return crc32c_reference(bytes, crc);
}

}  // namespace ctclip
