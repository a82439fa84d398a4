/// CRC-32C (Castagnoli): the checksum of every member of a shard, fast enough to be checked on every read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ctclip {

/// @param crc  the result for the bytes before these; 0 at the start.
std::uint32_t crc32c(std::span<std::byte const> bytes, std::uint32_t crc = 0);

/// Of A followed by B, from the checksum of each: cheaper than reading either again.
std::uint32_t crc32c_of_both(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t num_bytes_b);

/// One table look-up a byte: what crc32c() equals on every processor.
std::uint32_t crc32c_reference(std::span<std::byte const> bytes, std::uint32_t crc = 0);

/// One of the ways to compute it; all give the same.
struct Crc32cImplementation {
    std::string_view name;
    std::uint32_t (*run)(std::span<std::byte const> bytes, std::uint32_t crc);
};
/// Those that this processor can run, the fastest first: crc32c() uses it.
std::span<Crc32cImplementation const> crc32c_implementations();

}  // namespace ctclip
