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

template <class T>
double read(std::byte const* element) {
    T value{};
    std::memcpy(&value, element, sizeof value);
    return static_cast<double>(value);
}

double read_half(std::byte const* element) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, element, sizeof bits);
    return half_to_float(bits);
}

double read_bfloat16(std::byte const* element) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, element, sizeof bits);
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace

std::string_view python_dtype_name(DType type) {
    static constexpr std::array<std::string_view, 13> kNames = {
        "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16",
        "int8",    "uint64",  "uint32",  "uint16",   "uint8", "bool"};
    return kNames[static_cast<std::size_t>(type)];
}

ValueReader value_reader(DType type) {
    switch (type) {
        case DType::kF64:
            return read<double>;
        case DType::kF32:
            return read<float>;
        case DType::kF16:
            return read_half;
        case DType::kBF16:
            return read_bfloat16;
        case DType::kI64:
            return read<std::int64_t>;
        case DType::kI32:
            return read<std::int32_t>;
        case DType::kI16:
            return read<std::int16_t>;
        case DType::kI8:
            return read<std::int8_t>;
        case DType::kU64:
            return read<std::uint64_t>;
        case DType::kU32:
            return read<std::uint32_t>;
        case DType::kU16:
            return read<std::uint16_t>;
        case DType::kU8:
        case DType::kBool:
            return read<std::uint8_t>;
    }
    fail(ExitCode::kInternal, "unknown dtype {}", static_cast<int>(type));
}

TensorSummary summarise(Array const& array) {
    TensorSummary summary;
    double sum = 0.0;
    double sum_of_squares = 0.0;
    std::size_t num_finite = 0;
    ValueReader const read_value = value_reader(array.type);
    std::size_t const item_bytes = item_size_bytes(array.type);
    for (std::size_t offset = 0; offset < array.bytes.size(); offset += item_bytes) {
        double const value = read_value(array.bytes.data() + offset);
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

double adam_step_norm(Array const& exp_avg, Array const& exp_avg_sq) {
    require(
        exp_avg.type == DType::kF32 && exp_avg_sq.type == DType::kF32 && exp_avg.shape == exp_avg_sq.shape,
        ExitCode::kBadInput, "moments of shapes {} and {} do not belong together", to_string(exp_avg.shape),
        to_string(exp_avg_sq.shape));
    auto const m = exp_avg.as<float>();
    auto const v = exp_avg_sq.as<float>();
    double sum_of_squares = 0.0;
    for (std::size_t i = 0; i < m.size(); ++i) {
        double const step = double{m[i]} / (std::sqrt(double{v[i]}) + 1e-8);
        sum_of_squares += step * step;
    }
    return std::sqrt(sum_of_squares);
}

TensorDifference compare(Array const& a, Array const& b) {
    require(a.shape == b.shape, ExitCode::kBadInput, "shapes {} and {} differ", to_string(a.shape),
            to_string(b.shape));
    TensorDifference difference;
    ValueReader const read_a = value_reader(a.type);
    ValueReader const read_b = value_reader(b.type);
    auto const count = static_cast<std::size_t>(element_count(a.shape));
    for (std::size_t i = 0; i < count; ++i) {
        double const left = read_a(a.bytes.data() + i * item_size_bytes(a.type));
        double const right = read_b(b.bytes.data() + i * item_size_bytes(b.type));
        bool const both_nan = std::isnan(left) && std::isnan(right);
        bool const is_equal = left == right && std::signbit(left) == std::signbit(right);
        if (both_nan || is_equal) {
            continue;
        }
        ++difference.num_different;
        double const apart = left == right ? 0.0 : std::abs(left - right);
        double const absolute = std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
        double const scale = std::max(std::abs(left), std::abs(right));
        double const relative = std::isfinite(absolute) ? (scale > 0.0 ? absolute / scale : 0.0) : absolute;
        difference.max_absolute = std::max(difference.max_absolute, absolute);
        difference.max_relative = std::max(difference.max_relative, relative);
    }
    return difference;
}

}  // namespace ctclip
