/// Between LibTorch's tensors and the LibTorch-free arrays that files hold.
#pragma once

#include <ATen/ATen.h>

#include "base/array.hpp"

namespace ctclip {

/// @throws Error kBadInput for a type without a LibTorch counterpart.
at::ScalarType scalar_type_of(DType type);
DType dtype_of(at::ScalarType type);

/// A row-major copy in host memory; dtype and shape as in the tensor.
Array to_array(at::Tensor const& tensor);
/// A copy in host memory. @throws Error kBadInput if the bytes do not fit shape and dtype.
at::Tensor to_tensor(Array const& array);

}  // namespace ctclip
