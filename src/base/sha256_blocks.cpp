// Compiled once per instruction set and chosen at run time (Google Highway). OpenSSL is the reference that tests hold
// every instruction set to.
#include "base/sha256_blocks.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"
#include "base/highway_targets.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/sha256_blocks.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#ifndef CTCLIP_BASE_SHA256_BLOCKS
#define CTCLIP_BASE_SHA256_BLOCKS
namespace ctclip {

constexpr std::size_t kChunkBytes = 64;  // what SHA-256 takes in at a time
constexpr std::size_t kNumRounds = 64;

// FIPS 180-4, 4.2.2 and 5.3.3.
constexpr std::array<std::uint32_t, kNumRounds> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
constexpr std::array<std::uint32_t, 8> kInitialState = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

}  // namespace ctclip
#endif

HWY_BEFORE_NAMESPACE();
namespace ctclip {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR

std::size_t num_side_by_side() {
    return 1;
}
void hash_group(std::byte const*, std::size_t, Sha256Bytes*) {}

#else

namespace hn = hwy::HWY_NAMESPACE;
using Words = hn::ScalableTag<std::uint32_t>;
using Vector = hn::Vec<Words>;  // lane i belongs to block i
using State = std::array<std::uint32_t, 8 * hn::MaxLanes(Words())>;
constexpr std::size_t kMaxLanes = hn::MaxLanes(Words());

std::size_t num_side_by_side() {
    return hn::Lanes(Words());
}

/// Bit by bit `yes` where `mask` is set, else `no`.
HWY_INLINE Vector select(Vector mask, Vector yes, Vector no) {
#if HWY_TARGET == HWY_AVX3
    return Vector{_mm512_ternarylogic_epi32(mask.raw, yes.raw, no.raw, 0xCA)};
#else
    return hn::Xor(no, hn::And(mask, hn::Xor(yes, no)));
#endif
}
/// Bit by bit what two of the three have.
HWY_INLINE Vector majority(Vector a, Vector b, Vector c) {
#if HWY_TARGET == HWY_AVX3
    return Vector{_mm512_ternarylogic_epi32(a.raw, b.raw, c.raw, 0xE8)};
#else
    return select(hn::Xor(a, b), c, b);
#endif
}

HWY_INLINE Vector interleave_lower_pairs(Vector a, Vector b) {
    hn::Repartition<std::uint64_t, Words> const pairs;
    return hn::BitCast(Words(), hn::InterleaveLower(pairs, hn::BitCast(pairs, a), hn::BitCast(pairs, b)));
}
HWY_INLINE Vector interleave_upper_pairs(Vector a, Vector b) {
    hn::Repartition<std::uint64_t, Words> const pairs;
    return hn::BitCast(Words(), hn::InterleaveUpper(pairs, hn::BitCast(pairs, a), hn::BitCast(pairs, b)));
}

/// A chunk of each lane in quarters, so placed that transposing 4 x 4 words within each 16 bytes of a vector puts lanes
/// in order.
struct Quarters {
    alignas(64) std::uint8_t rows[4][4][4 * kMaxLanes];

    /// Lane i's chunk starts at chunks + i * stride.
    HWY_INLINE void gather(std::byte const* chunks, std::size_t stride) {
        for (std::size_t lane = 0; lane < hn::Lanes(Words()); ++lane) {
            for (std::size_t quarter = 0; quarter < 4; ++quarter) {
                std::memcpy(&rows[quarter][lane % 4][16 * (lane / 4)], chunks + lane * stride + 16 * quarter, 16);
            }
        }
    }
};

/// The 16 big-endian words of each lane's chunk.
HWY_INLINE void load_words(Quarters const& quarters, Vector (&words)[16]) {
    Words const tag;
    hn::Repartition<std::uint8_t, Words> const bytes;
    alignas(16) static constexpr std::uint8_t kSwapped[16] = {3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12};
    auto const swapped = hn::LoadDup128(bytes, kSwapped);
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
        Vector row[4];
        for (std::size_t i = 0; i < 4; ++i) {
            row[i] = hn::BitCast(tag, hn::TableLookupBytes(hn::LoadU(bytes, quarters.rows[quarter][i]), swapped));
        }
        Vector const lower_01 = hn::InterleaveLower(tag, row[0], row[1]);
        Vector const lower_23 = hn::InterleaveLower(tag, row[2], row[3]);
        Vector const upper_01 = hn::InterleaveUpper(tag, row[0], row[1]);
        Vector const upper_23 = hn::InterleaveUpper(tag, row[2], row[3]);
        words[4 * quarter] = interleave_lower_pairs(lower_01, lower_23);
        words[4 * quarter + 1] = interleave_upper_pairs(lower_01, lower_23);
        words[4 * quarter + 2] = interleave_lower_pairs(upper_01, upper_23);
        words[4 * quarter + 3] = interleave_upper_pairs(upper_01, upper_23);
    }
}

/// Takes `num_chunks` chunks of each lane into its state (FIPS 180-4, 6.2.2). Lane i's chunks lie one after the other
/// from chunks + i * stride; with stride 0 all lanes take the same ones.
HWY_INLINE void take_chunks(std::byte const* chunks, std::size_t stride, std::size_t num_chunks, State& stored) {
    Words const tag;
    std::size_t const lanes = hn::Lanes(tag);
    Vector state[8];
    for (std::size_t i = 0; i < 8; ++i) {
        state[i] = hn::LoadU(tag, stored.data() + i * lanes);
    }
    Quarters quarters[2];
    quarters[0].gather(chunks, stride);
    for (std::size_t chunk = 0; chunk < num_chunks; ++chunk) {
        if (chunk + 1 < num_chunks) {  // early: loads of what was just stored in parts would wait
            quarters[(chunk + 1) % 2].gather(chunks + (chunk + 1) * kChunkBytes, stride);
        }
        Vector words[16];
        load_words(quarters[chunk % 2], words);
        Vector a = state[0], b = state[1], c = state[2], d = state[3];
        Vector e = state[4], f = state[5], g = state[6], h = state[7];
#pragma GCC unroll 64
        for (std::size_t t = 0; t < kNumRounds; ++t) {
            if (t >= 16) {
                Vector const x = words[(t + 1) % 16];
                Vector const y = words[(t + 14) % 16];
                Vector const small_sigma_0 =
                    hn::Xor3(hn::RotateRight<7>(x), hn::RotateRight<18>(x), hn::ShiftRight<3>(x));
                Vector const small_sigma_1 =
                    hn::Xor3(hn::RotateRight<17>(y), hn::RotateRight<19>(y), hn::ShiftRight<10>(y));
                words[t % 16] = hn::Add(hn::Add(words[t % 16], words[(t + 9) % 16]),
                                        hn::Add(small_sigma_0, small_sigma_1));
            }
            Vector const big_sigma_1 =
                hn::Xor3(hn::RotateRight<6>(e), hn::RotateRight<11>(e), hn::RotateRight<25>(e));
            Vector const sum_1 = hn::Add(hn::Add(hn::Add(h, words[t % 16]), hn::Set(tag, kRoundConstants[t])),
                                         hn::Add(big_sigma_1, select(e, f, g)));
            Vector const big_sigma_0 =
                hn::Xor3(hn::RotateRight<2>(a), hn::RotateRight<13>(a), hn::RotateRight<22>(a));
            Vector const sum_0 = hn::Add(big_sigma_0, majority(a, b, c));
            h = g;
            g = f;
            f = e;
            e = hn::Add(d, sum_1);
            d = c;
            c = b;
            b = a;
            a = hn::Add(sum_0, sum_1);
        }
        Vector const taken[8] = {a, b, c, d, e, f, g, h};
        for (std::size_t i = 0; i < 8; ++i) {
            state[i] = hn::Add(state[i], taken[i]);
        }
    }
    for (std::size_t i = 0; i < 8; ++i) {
        hn::StoreU(state[i], tag, stored.data() + i * lanes);
    }
}

/// As many blocks as there are lanes.
void hash_group(std::byte const* blocks, std::size_t block_bytes, Sha256Bytes* digests) {
    std::size_t const lanes = hn::Lanes(Words());
    State state{};
    for (std::size_t i = 0; i < 8; ++i) {
        std::fill_n(state.data() + i * lanes, lanes, kInitialState[i]);
    }
    take_chunks(blocks, block_bytes, block_bytes / kChunkBytes, state);
    std::array<std::byte, kChunkBytes> padding{std::byte{0x80}};  // then the length in bits, big-endian
    for (std::size_t i = 0; i < 8; ++i) {
        padding[kChunkBytes - 1 - i] = static_cast<std::byte>(std::uint64_t{block_bytes} * 8 >> (8 * i));
    }
    take_chunks(padding.data(), 0, 1, state);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        for (std::size_t byte = 0; byte < digests[lane].size(); ++byte) {
            digests[lane][byte] = static_cast<std::byte>(state[byte / 4 * lanes + lane] >> (24 - 8 * (byte % 4)));
        }
    }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ctclip {

HWY_EXPORT(num_side_by_side);
HWY_EXPORT(hash_group);

namespace {

bool has_sha_instructions() {
#if defined(__x86_64__)
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
#else
    return true;  // every Arm server has them
#endif
}

bool is_side_by_side_faster() {
    static bool const has_instructions = has_sha_instructions();
    return HWY_DYNAMIC_DISPATCH(num_side_by_side)() >= (has_instructions ? 16 : 8);
}

}  // namespace

void sha256_of_blocks_in_turn(std::span<std::byte const> blocks, std::size_t block_bytes,
                              std::span<Sha256Bytes> digests) {
    for (std::size_t i = 0; i < digests.size(); ++i) {
        require(EVP_Digest(blocks.data() + i * block_bytes, block_bytes,
                           reinterpret_cast<unsigned char*>(digests[i].data()), nullptr, EVP_sha256(), nullptr) == 1,
                ExitCode::kInternal, "OpenSSL could not compute a SHA-256");
    }
}

void sha256_of_blocks_side_by_side(std::span<std::byte const> blocks, std::size_t block_bytes,
                                   std::span<Sha256Bytes> digests) {
    std::size_t const lanes = HWY_DYNAMIC_DISPATCH(num_side_by_side)();
    std::size_t done = 0;
    for (; lanes > 1 && done + lanes <= digests.size(); done += lanes) {
        HWY_DYNAMIC_DISPATCH(hash_group)(blocks.data() + done * block_bytes, block_bytes, digests.data() + done);
    }
    sha256_of_blocks_in_turn(blocks.subspan(done * block_bytes), block_bytes, digests.subspan(done));
}

void sha256_of_blocks(std::span<std::byte const> blocks, std::size_t block_bytes, std::span<Sha256Bytes> digests) {
    CTCLIP_EXPECT(block_bytes % kChunkBytes == 0 && blocks.size() == digests.size() * block_bytes);
    (is_side_by_side_faster() ? sha256_of_blocks_side_by_side : sha256_of_blocks_in_turn)(blocks, block_bytes, digests);
}

std::string sha256_blocks_method() {
    return is_side_by_side_faster() ? fmt::format("{} side by side", HWY_DYNAMIC_DISPATCH(num_side_by_side)())
                                    : "in turn";
}

}  // namespace ctclip
#endif  // HWY_ONCE
