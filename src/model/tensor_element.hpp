/// How a tensor's elements are called where ranks exchange them.
#pragma once

#include <ATen/ATen.h>

#include "dist/communicator.hpp"

namespace ctclip {

/// @throws Error kInternal unless the tensor is float32 or float64.
Element element_of(at::Tensor const& tensor);

}  // namespace ctclip
