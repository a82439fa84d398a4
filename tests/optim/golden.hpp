/// Golden data of tests/data/optim (made by the Python reference) as tensors and JSON.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hpp"
#include "checkpoint/safetensors_file.hpp"

namespace ctclip {

inline std::filesystem::path golden_path(std::string const& file) {
    return std::filesystem::path(CTCLIP_TEST_DATA) / "optim" / file;
}

inline nlohmann::json golden_json(std::string const& file) {
    std::ifstream stream(golden_path(file));
    return nlohmann::json::parse(stream);
}

/// The reference writes non-finite numbers as text, and null where it has none.
inline double golden_number(nlohmann::json const& value) {
    if (value.is_string()) {
        return value == "NaN" ? std::nan("") : std::stod(value.get<std::string>());
    }
    return value.get<double>();
}

inline at::ScalarType scalar_type(DType type) {
    switch (type) {
        case DType::kF64:
            return at::kDouble;
        case DType::kF32:
            return at::kFloat;
        case DType::kI32:
            return at::kInt;
        case DType::kU8:
            return at::kByte;
        default:
            fail(ExitCode::kInternal, "golden/optimizer has no {}", dtype_name(type));
    }
}

class Golden {
  public:
    explicit Golden(std::string const& file) : arrays_(read_safetensors(golden_path(file))) {}

    bool has(std::string const& name) const { return arrays_.contains(name); }

    /// A copy that the test may change.
    at::Tensor tensor(std::string const& name) const {
        Array const& array = arrays_.at(name);
        return at::from_blob(const_cast<std::byte*>(array.bytes.data()), array.shape, scalar_type(array.type))
            .clone();
    }

  private:
    NamedArrays arrays_;
};

/// Largest |a - b|; infinite if one is NaN or infinite where the other is not the same.
inline double max_difference(at::Tensor const& a, at::Tensor const& b) {
    at::Tensor const x = a.to(at::kDouble);
    at::Tensor const y = b.to(at::kDouble);
    at::Tensor const is_same = x.eq(y).logical_or(x.isnan().logical_and(y.isnan()));
    at::Tensor const difference = (x - y).abs().nan_to_num(INFINITY);
    return x.numel() == 0 ? 0.0 : at::where(is_same, 0.0, difference).max().item<double>();
}

/// Largest |a - b| / |b|, with the same rule.
inline double max_relative_difference(at::Tensor const& a, at::Tensor const& b) {
    at::Tensor const x = a.to(at::kDouble);
    at::Tensor const y = b.to(at::kDouble);
    at::Tensor const is_same = x.eq(y).logical_or(x.isnan().logical_and(y.isnan()));
    at::Tensor const difference = ((x - y) / y).abs().nan_to_num(INFINITY);
    return x.numel() == 0 ? 0.0 : at::where(is_same, 0.0, difference).max().item<double>();
}

}  // namespace ctclip
