/// SHA-256 of many blocks side by side. One SHA-256 is a chain of dependent instructions, which leaves most of a core
/// idle; a vector register holds the chains of 16 blocks (AVX-512) or 8 (AVX2) for little more than the price of one.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace ctclip {

using Sha256Bytes = std::array<std::byte, 32>;

/// digests[i] becomes the SHA-256 of the i-th `block_bytes` bytes (FIPS 180-4), by the faster of the two below.
/// @param block_bytes  a multiple of 64.    @param blocks  digests.size() * block_bytes bytes.
void sha256_of_blocks(std::span<std::byte const> blocks, std::size_t block_bytes, std::span<Sha256Bytes> digests);

/// By OpenSSL: the reference.
void sha256_of_blocks_in_turn(std::span<std::byte const> blocks, std::size_t block_bytes,
                              std::span<Sha256Bytes> digests);
/// As many at a time as a register has lanes; what does not fill one is left to OpenSSL.
void sha256_of_blocks_side_by_side(std::span<std::byte const> blocks, std::size_t block_bytes,
                                   std::span<Sha256Bytes> digests);

/// "16 side by side", for benchmarks and tests to say what sha256_of_blocks() does; "in turn" where
/// OpenSSL is faster: on processors with instructions for SHA-256 but without AVX-512 (Arm too), and without AVX2.
std::string sha256_blocks_method();

}  // namespace ctclip
