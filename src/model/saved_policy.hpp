/// Keeps the precision policy in an autograd context between forward and backward.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>

#include "model/precision_policy.hpp"

namespace ctclip {

inline void save_policy(torch::autograd::AutogradContext& context, PrecisionPolicy const& policy) {
    context.saved_data["compute"] = static_cast<std::int64_t>(policy.compute_type());
}

inline PrecisionPolicy saved_policy(torch::autograd::AutogradContext& context) {
    return PrecisionPolicy(static_cast<ComputeType>(context.saved_data["compute"].toInt()));
}

}  // namespace ctclip
