#include "base/crc32c.hpp"

#include <array>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ctclip {
namespace {

// A message is a polynomial over GF(2), its checksum the remainder modulo this one. Bit 31 is the coefficient of x^0.
constexpr std::uint32_t kPolynomial = 0x82F63B78U;
constexpr std::uint32_t kOne = std::uint32_t{1} << 31;

constexpr std::uint32_t times_x(std::uint32_t remainder) {
    return (remainder & 1U) != 0 ? (remainder >> 1) ^ kPolynomial : remainder >> 1;
}

constexpr std::uint32_t product(std::uint32_t a, std::uint32_t b) {
    std::uint32_t sum = 0;
    for (; a != 0; a <<= 1, b = times_x(b)) {
        sum ^= (a & kOne) != 0 ? b : 0;
    }
    return sum;
}

/// x^(8 * 2^k): what 2^k bytes behind a message multiply its remainder by.
constexpr auto kPowersOfBytes = [] {
    std::array<std::uint32_t, 64> powers{};
    powers[0] = kOne >> 8;
    for (std::size_t k = 1; k < powers.size(); ++k) {
        powers[k] = product(powers[k - 1], powers[k - 1]);
    }
    return powers;
}();

std::uint32_t moved_by(std::uint64_t num_bytes, std::uint32_t remainder) {
    for (std::size_t k = 0; num_bytes != 0; ++k, num_bytes >>= 1) {
        remainder = (num_bytes & 1) != 0 ? product(kPowersOfBytes[k], remainder) : remainder;
    }
    return remainder;
}

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) {
            value = times_x(value);
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
            std::uint32_t const state = moved_by(num_bytes, std::uint32_t{1} << bit);
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

__attribute__((target("sse4.2"))) std::uint32_t crc32c_stripes(std::span<std::byte const> bytes,
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

// Newer processors multiply polynomials over GF(2) in whole vectors. Moving 16 bytes of a message by n bits
// towards its end is a multiplication by x^n, for which any multiplier that is equal modulo the CRC's
// polynomial will do: so the message is folded onto its own end, 256 bytes at a time (Gopal et al., "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009). Polynomials are
// bit-reflected, as in the CRC itself.
constexpr std::size_t kFoldBytes = 256;

/// For the two halves of 16 bytes that move by `num_bits`.
struct FoldMultipliers {
    long long low;
    long long high;
};

constexpr long long power_of_x(int exponent) {
    std::uint32_t power = kOne;
    for (int i = 0; i < exponent; ++i) {
        power = times_x(power);
    }
    return static_cast<long long>(std::uint64_t{power} << 1);
}

constexpr FoldMultipliers multipliers_for(int num_bits) {
    return {power_of_x(num_bits + 32), power_of_x(num_bits - 32)};
}

#define CTCLIP_FOLD_TARGET __attribute__((target("avx512f,vpclmulqdq,sse4.2")))

CTCLIP_FOLD_TARGET __m512i fold(__m512i message, FoldMultipliers multipliers, __m512i onto) {
    auto const [lo, hi] = multipliers;
    __m512i const factors = _mm512_set_epi64(hi, lo, hi, lo, hi, lo, hi, lo);
    __m512i const low = _mm512_clmulepi64_epi128(message, factors, 0x00);
    __m512i const high = _mm512_clmulepi64_epi128(message, factors, 0x11);
    return _mm512_ternarylogic_epi64(low, high, onto, 0x96);  // three-way exclusive or
}

/// @param bytes  a positive multiple of kFoldBytes.
CTCLIP_FOLD_TARGET std::uint32_t state_after_folding(std::span<std::byte const> bytes, std::uint32_t state) {
    constexpr FoldMultipliers kBy256Bytes = multipliers_for(2048);
    constexpr FoldMultipliers kBy64Bytes = multipliers_for(512);
    auto const vector_at = [&](std::size_t offset)
                               CTCLIP_FOLD_TARGET { return _mm512_loadu_si512(bytes.data() + offset); };
    __m512i const start = _mm512_castsi128_si512(_mm_cvtsi32_si128(static_cast<int>(state)));
    __m512i v0 = _mm512_xor_si512(vector_at(0), _mm512_maskz_mov_epi32(1, start));
    __m512i v1 = vector_at(64);
    __m512i v2 = vector_at(128);
    __m512i v3 = vector_at(192);
    for (std::size_t offset = kFoldBytes; offset < bytes.size(); offset += kFoldBytes) {
        v0 = fold(v0, kBy256Bytes, vector_at(offset));
        v1 = fold(v1, kBy256Bytes, vector_at(offset + 64));
        v2 = fold(v2, kBy256Bytes, vector_at(offset + 128));
        v3 = fold(v3, kBy256Bytes, vector_at(offset + 192));
    }
    v3 = fold(fold(fold(v0, kBy64Bytes, v1), kBy64Bytes, v2), kBy64Bytes, v3);
    alignas(64) std::uint64_t rest[8];
    _mm512_store_si512(rest, v3);
    std::uint64_t folded = 0;  // these 64 bytes have the same CRC as the whole message
    for (std::uint64_t const word : rest) {
        folded = _mm_crc32_u64(folded, word);
    }
    return static_cast<std::uint32_t>(folded);
}

std::uint32_t crc32c_folding(std::span<std::byte const> bytes, std::uint32_t crc) {
    std::size_t const num_folded = bytes.size() / kFoldBytes * kFoldBytes;
    if (num_folded > 0) {
        crc = ~state_after_folding(bytes.first(num_folded), ~crc);
    }
    return crc32c_stripes(bytes.subspan(num_folded), crc);
}

#endif

std::vector<Crc32cImplementation> implementations() {
    std::vector<Crc32cImplementation> usable;
#if defined(__x86_64__)
    bool const has_sse42 = __builtin_cpu_supports("sse4.2") != 0;
    if (has_sse42 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0) {
        usable.push_back({"folding", crc32c_folding});
    }
    if (has_sse42) {
        usable.push_back({"stripes", crc32c_stripes});
    }
#endif
    usable.push_back({"table", crc32c_reference});
    return usable;
}

}  // namespace

std::span<Crc32cImplementation const> crc32c_implementations() {
    static std::vector<Crc32cImplementation> const usable = implementations();
    return usable;
}

std::uint32_t crc32c_of_both(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t num_bytes_b) {
    return moved_by(num_bytes_b, crc_a) ^ crc_b;
}

std::uint32_t crc32c_reference(std::span<std::byte const> bytes, std::uint32_t crc) {
    std::uint32_t state = ~crc;
    for (std::byte const byte : bytes) {
        state = advance(state, static_cast<std::uint8_t>(byte));
    }
    return ~state;
}

std::uint32_t crc32c(std::span<std::byte const> bytes, std::uint32_t crc) {
    static auto const fastest = crc32c_implementations().front().run;
    return fastest(bytes, crc);
}

}  // namespace ctclip
