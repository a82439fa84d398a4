/// Weights and volumes by formula (golden/model/README.md, "Number formula"): large models without large
/// files.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "model/parameter_set.hpp"

namespace ctclip {

/// r(name, i) in [-1, 1), for i = 0 .. count - 1, float64.
at::Tensor formula_numbers(std::string const& name, std::int64_t count);

/// Fills every tensor of the set, in its own type.
void fill_by_formula(ParameterSet& parameters);
/// One tensor. @param name  its full state-dict name.
at::Tensor formula_weights(std::string const& name, Shape const& shape);

at::Tensor formula_volume(Shape const& shape);

}  // namespace ctclip
