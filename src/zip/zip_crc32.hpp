/// The checksum of zip members.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ctclip {

/// CRC-32 (ISO-HDLC, as in zip and gzip) of bytes that follow others with the checksum `crc`; of no bytes it is 0.
/// By ISA-L, with the widest carry-less multiplication that the processor has.
std::uint32_t zip_crc32(std::span<std::byte const> bytes, std::uint32_t crc = 0);

}  // namespace ctclip
