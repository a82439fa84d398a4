/// The header of a .npy file (numpy.lib.format 1.0, 2.0, 3.0), parsed by a fixed grammar; nothing is
/// evaluated.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/array.hpp"

namespace ctclip {

struct NpyHeader {
    DType type = DType::kF64;
    Shape shape;
    bool is_fortran_order = false;
    bool is_big_endian = false;
    std::size_t payload_offset = 0;  ///< bytes from the start of the .npy to its first element
    std::uint64_t payload_bytes = 0;
};

/// Longer headers are refused before they are looked at.
inline constexpr std::size_t kMaxNpyHeaderBytes = std::size_t{64} << 10;
/// As much of a .npy as parse_npy_header can need.
inline constexpr std::size_t kMaxNpyPrefixBytes = kMaxNpyHeaderBytes + 12;

/// @param prefix  the .npy's first bytes, min(its size, kMaxNpyPrefixBytes) of them.
/// @param what    names the array in messages.
/// @return        of a volume: three axes of at least 1, one of the eight number types.
/// @throws Error kBadInput for everything else, naming what is wrong.
NpyHeader parse_npy_header(std::span<std::byte const> prefix, std::string const& what);

}  // namespace ctclip
