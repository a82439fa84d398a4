/// Golden data of the Python reference: tests/data/model, or the folder that CTCLIP_GOLDEN_MODEL names (the
/// complete set, for checks beyond what the repository holds).
#pragma once

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "base/array.hpp"
#include "model/model_options.hpp"
#include "model/parameter_set.hpp"
#include "model/precision_policy.hpp"

namespace ctclip {

std::string golden_path(std::string const& file);
bool has_golden(std::string const& file);
NamedArrays golden_arrays(std::string const& file);
nlohmann::json golden_json(std::string const& file);

/// `name` as a tensor. Fails the test if it is missing.
at::Tensor golden_tensor(NamedArrays const& arrays, std::string const& name);

ModelOptions options_of(nlohmann::json const& config);
/// Parameters of a golden case in the policy's master type.
ParameterSet parameters_of(ModelOptions const& options, NamedArrays const& weights,
                           PrecisionPolicy const& policy, at::Device device = at::kCPU);

/// How gtest prints a test parameter.
inline void PrintTo(ComputeType type, std::ostream* stream) {
    *stream << name_of(type);
}

/// Largest absolute difference, in double, of tensors on any device. Shapes are flattened, sizes must agree.
double max_abs_difference(at::Tensor const& actual, at::Tensor const& expected);
/// |actual - expected| / |expected|, in double.
double relative_l2(at::Tensor const& actual, at::Tensor const& expected);

}  // namespace ctclip
