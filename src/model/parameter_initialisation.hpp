/// First values of a tensor when a model is trained from scratch.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "model/parameter_layout.hpp"

namespace ctclip {

/// In host memory, float32 (int64 for an int64 tensor): a pure function of (seed, spec.name,
/// index).
at::Tensor initial_values(ParameterSpec const& spec, std::uint64_t seed);

}  // namespace ctclip
