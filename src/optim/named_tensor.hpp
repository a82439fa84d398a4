/// Tensors with the names of their parameters: what optimizers and reductions work on.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace ctclip {

/// A tensor under its state-dict key. Shares storage with whoever made it, as every at::Tensor does.
struct NamedTensor {
    std::string name;
    at::Tensor tensor;
};

using NamedTensors = std::vector<NamedTensor>;

}  // namespace ctclip
