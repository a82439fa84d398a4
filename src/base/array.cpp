#include "base/array.hpp"

#include <fmt/ranges.h>

#include "base/error.hpp"

namespace ctclip {

std::size_t item_size_bytes(DType type) {
    switch (type) {
        case DType::kF64:
        case DType::kI64:
        case DType::kU64:
            return 8;
        case DType::kF32:
        case DType::kI32:
        case DType::kU32:
            return 4;
        case DType::kF16:
        case DType::kBF16:
        case DType::kI16:
        case DType::kU16:
            return 2;
        case DType::kI8:
        case DType::kU8:
        case DType::kBool:
            return 1;
    }
    fail(ExitCode::kInternal, "unknown dtype {}", static_cast<int>(type));
}

std::string_view dtype_name(DType type) {
    static constexpr std::string_view kNames[] = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16",
                                                  "I8",  "U64", "U32", "U16",  "U8",  "BOOL"};
    return kNames[static_cast<std::size_t>(type)];
}

std::int64_t element_count(Shape const& shape) {
    std::int64_t count = 1;
    bool is_empty = false;
    for (std::int64_t const size : shape) {
        require(size >= 0, ExitCode::kBadInput, "shape {} has a negative size", to_string(shape));
        if (size == 0) {
            is_empty = true;
            continue;
        }
        require(!__builtin_mul_overflow(count, size, &count), ExitCode::kBadInput,
                "shape {} has more than 2^63 elements", to_string(shape));
    }
    return is_empty ? 0 : count;
}

std::string to_string(Shape const& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace ctclip
