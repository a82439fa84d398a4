/// Names, shapes and roles of the model's tensors: the Python state dict, in its order (tests/data has it).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "model/model_options.hpp"

namespace ctclip {

enum class ParameterKind { kParameter, kBuffer };

/// kUsed: a parameter with a gradient, or a buffer that the forward pass reads. kUnused: in checkpoints for
/// the Python classes' sake; no gradient, no moment, no decay, no share in the gradient norm.
enum class ParameterUse { kUsed, kUnused };

/// How a tensor starts when a model is trained from scratch.
enum class Initialisation {
    kUniformFanIn,  ///< uniform in +-1/sqrt(fan_in)
    kNormal002,     ///< normal, standard deviation 0.02
    kCodebook,      ///< uniform directions: rows of norm 1
    kOnes,
    kZeros,
    kMinusTen,
    kCounting,  ///< 0, 1, 2, ...
};

struct ParameterSpec {
    std::string name;
    Shape shape;
    ParameterKind kind = ParameterKind::kParameter;
    ParameterUse use = ParameterUse::kUsed;
    DType type = DType::kF32;
    Initialisation initialisation = Initialisation::kZeros;
    std::int64_t fan_in = 0;     ///< for kUniformFanIn
    bool may_be_absent = false;  ///< a weight file without it is complete: constant, or unused
};

/// 362 entries for a CT-CLIP of 4 + 4 and 12 layers, 363 with SigLIP's `logit_bias` (the last).
std::vector<ParameterSpec> parameter_layout(ModelOptions const& options);

}  // namespace ctclip
