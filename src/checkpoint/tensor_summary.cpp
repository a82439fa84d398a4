#include "checkpoint/tensor_summary.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/half.hpp"

namespace ctclip {
namespace {

template <class T, class ToDouble>
std::vector<double> convert(Array const& array, ToDouble to_double) {
    std::vector<double> values(array.bytes.size() / sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
        T element{};
        std::memcpy(&element, array.bytes.data() + i * sizeof(T), sizeof element);
        values[i] = to_double(element);
    }
    return values;
}

template <class T>
std::vector<double> convert(Array const& array) {
    return convert<T>(array, [](T value) { return static_cast<double>(value); });
}

}  // namespace

std::string_view python_dtype_name(DType type) {
    static constexpr std::array<std::string_view, 13> kNames = {
        "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16",
        "int8",    "uint64",  "uint32",  "uint16",   "uint8", "bool"};
    return kNames[static_cast<std::size_t>(type)];
}

std::vector<double> to_doubles(Array const& array) {
    switch (array.type) {
        case DType::kF64:
            return convert<double>(array);
        case DType::kF32:
            return convert<float>(array);
        case DType::kF16:
            return convert<std::uint16_t>(array,
                                          [](std::uint16_t bits) { return double{half_to_float(bits)}; });
        case DType::kBF16:
            return convert<std::uint16_t>(array, [](std::uint16_t bits) {
                return double{std::bit_cast<float>(std::uint32_t{bits} << 16)};
            });
        case DType::kI64:
            return convert<std::int64_t>(array);
        case DType::kI32:
            return convert<std::int32_t>(array);
        case DType::kI16:
            return convert<std::int16_t>(array);
        case DType::kI8:
            return convert<std::int8_t>(array);
        case DType::kU64:
            return convert<std::uint64_t>(array);
        case DType::kU32:
            return convert<std::uint32_t>(array);
        case DType::kU16:
            return convert<std::uint16_t>(array);
        case DType::kU8:
        case DType::kBool:
            return convert<std::uint8_t>(array);
    }
    fail(ExitCode::kInternal, "unknown dtype {}", static_cast<int>(array.type));
}

TensorSummary summarise(Array const& array) {
    TensorSummary summary;
    double sum = 0.0;
    double sum_of_squares = 0.0;
    std::size_t num_finite = 0;
    for (double const value : to_doubles(array)) {
        ++summary.num_elements;
        if (!std::isfinite(value)) {
            ++(std::isnan(value) ? summary.num_nan : summary.num_inf);
            continue;
        }
        summary.min = num_finite == 0 ? value : std::min(summary.min, value);
        summary.max = num_finite == 0 ? value : std::max(summary.max, value);
        ++num_finite;
        sum += value;
        sum_of_squares += value * value;
    }
    if (num_finite > 0) {
        summary.mean = sum / static_cast<double>(num_finite);
        summary.norm = std::sqrt(sum_of_squares);
    }
    return summary;
}

TensorDifference compare(Array const& a, Array const& b) {
    require(a.shape == b.shape, ExitCode::kBadInput, "shapes {} and {} differ", to_string(a.shape),
            to_string(b.shape));
    TensorDifference difference;
    std::vector<double> const left = to_doubles(a);
    std::vector<double> const right = to_doubles(b);
    for (std::size_t i = 0; i < left.size(); ++i) {
        bool const both_nan = std::isnan(left[i]) && std::isnan(right[i]);
        bool const is_equal = left[i] == right[i] && std::signbit(left[i]) == std::signbit(right[i]);
        if (both_nan || is_equal) {
            continue;
        }
        ++difference.num_different;
        double const apart = left[i] == right[i] ? 0.0 : std::abs(left[i] - right[i]);
        double const absolute = std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
        double const scale = std::max(std::abs(left[i]), std::abs(right[i]));
        double const relative = std::isfinite(absolute) ? (scale > 0.0 ? absolute / scale : 0.0) : absolute;
        difference.max_absolute = std::max(difference.max_absolute, absolute);
        difference.max_relative = std::max(difference.max_relative, relative);
    }
    return difference;
}

}  // namespace ctclip
