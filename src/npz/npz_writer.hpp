/// Writes .npz as numpy.savez and numpy.savez_compressed do: for phantoms and tests.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/array.hpp"

namespace ctclip {

enum class NpzCompression { kStored, kDeflated };
enum class ArrayOrder { kC, kFortran };
enum class ByteOrder { kLittle, kBig };

/// How `bytes` of write_npz lie, and how they are packed.
struct NpzLayout {
    ArrayOrder order = ArrayOrder::kC;
    ByteOrder byte_order = ByteOrder::kLittle;
    NpzCompression compression = NpzCompression::kDeflated;
    int compression_level = 6;  ///< libdeflate, 1 to 12
};

/// One array under `key`, through DurableFile (refuses to overwrite). The file is a pure function of the
/// arguments.
/// Takes memory for a copy of `bytes` and, if deflated, for the result.
/// @param bytes  element_count(shape) elements, already in the layout's order and byte order.
/// @throws Error kCannotCreate, kIoError, kNoPermission; kBadInput if `bytes` does not fit the shape.
void write_npz(std::filesystem::path const& path, std::string const& key, DType type, Shape const& shape,
               NpzLayout const& layout, std::span<std::byte const> bytes);

}  // namespace ctclip
