/// Typed, shaped arrays without LibTorch: what weight files, checkpoints and golden data hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

std::size_t item_size_bytes(DType type);
/// "F32", "BF16", "I64", "BOOL" ...: the safetensors names.
std::string_view dtype_name(DType type);

using Shape = std::vector<std::int64_t>;

/// Product of the sizes. @throws Error kBadInput on a negative size or overflow of 2^63.
std::int64_t element_count(Shape const& shape);
std::string to_string(Shape const& shape);  ///< "[2, 3, 4]"

/// Owns its elements: row-major, little-endian (the only byte order the suite runs on).
struct Array {
    DType type = DType::kF32;
    Shape shape;
    std::vector<std::byte> bytes;

    template <class T>
    std::span<T const> as() const {
        return {reinterpret_cast<T const*>(bytes.data()), bytes.size() / sizeof(T)};
    }

    bool operator==(Array const&) const = default;  ///< bytes, not numbers: NaN equals itself, -0 differs from 0
};

using NamedArrays = std::map<std::string, Array>;

}  // namespace ctclip
