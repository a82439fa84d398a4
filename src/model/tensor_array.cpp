#include "model/tensor_array.hpp"

#include <array>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace ctclip {
namespace {

constexpr std::array<std::pair<DType, at::ScalarType>, 13> kTypes = {{
    {DType::kF64, at::kDouble},
    {DType::kF32, at::kFloat},
    {DType::kF16, at::kHalf},
    {DType::kBF16, at::kBFloat16},
    {DType::kI64, at::kLong},
    {DType::kI32, at::kInt},
    {DType::kI16, at::kShort},
    {DType::kI8, at::kChar},
    {DType::kU64, at::kUInt64},
    {DType::kU32, at::kUInt32},
    {DType::kU16, at::kUInt16},
    {DType::kU8, at::kByte},
    {DType::kBool, at::kBool},
}};

}  // namespace

at::ScalarType scalar_type_of(DType type) {
    for (auto const& [dtype, scalar_type] : kTypes) {
        if (dtype == type) {
            return scalar_type;
        }
    }
    fail(ExitCode::kBadInput, "LibTorch has no element type {}", dtype_name(type));
}

DType dtype_of(at::ScalarType type) {
    for (auto const& [dtype, scalar_type] : kTypes) {
        if (scalar_type == type) {
            return dtype;
        }
    }
    fail(ExitCode::kBadInput, "tensors of type {} cannot be stored", at::toString(type));
}

Array to_array(at::Tensor const& tensor) {
    at::Tensor const host = tensor.detach().to(at::kCPU).contiguous();
    Array array{dtype_of(host.scalar_type()), host.sizes().vec(), {}};
    array.bytes.resize(host.nbytes());
    if (!array.bytes.empty()) {
        std::memcpy(array.bytes.data(), host.const_data_ptr(), array.bytes.size());
    }
    return array;
}

at::Tensor to_tensor(Array const& array) {
    auto const num_bytes = static_cast<std::size_t>(element_count(array.shape)) * item_size_bytes(array.type);
    require(num_bytes == array.bytes.size(), ExitCode::kBadInput,
            "an array {} of {} needs {} bytes, but has {}", to_string(array.shape), dtype_name(array.type),
            num_bytes, array.bytes.size());
    at::Tensor tensor = at::empty(array.shape, at::TensorOptions().dtype(scalar_type_of(array.type)));
    if (num_bytes != 0) {
        std::memcpy(tensor.mutable_data_ptr(), array.bytes.data(), num_bytes);
    }
    return tensor;
}

}  // namespace ctclip
