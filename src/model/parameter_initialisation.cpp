#include "model/parameter_initialisation.hpp"

#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "model/parallel_ranges.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {
namespace {

double uniform(std::uint64_t seed, std::int64_t index) {
    return to_unit(splitmix64(seed, static_cast<std::uint64_t>(index)));
}

/// Box and Muller: two uniform numbers of its own for every element.
double normal(std::uint64_t seed, std::int64_t index) {
    double const radius = std::sqrt(-2.0 * std::log(1.0 - uniform(seed, 2 * index)));
    return radius * std::cos(2.0 * std::numbers::pi * uniform(seed, 2 * index + 1));
}

template <class ValueAt>
at::Tensor filled(Shape const& shape, ValueAt const& value_at) {
    at::Tensor const tensor = at::empty(shape, at::kFloat);
    float* const values = tensor.mutable_data_ptr<float>();
    parallel_ranges(tensor.numel(), 4096, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            values[i] = static_cast<float>(value_at(i));
        }
    });
    return tensor;
}

at::Tensor uniform_values(Shape const& shape, double bound, std::uint64_t seed) {
    return filled(shape, [=](std::int64_t i) { return bound * (2.0 * uniform(seed, i) - 1.0); });
}

}  // namespace

at::Tensor initial_values(ParameterSpec const& spec, std::uint64_t seed) {
    std::uint64_t const own_seed = derive_seed(seed, spec.name);
    switch (spec.initialisation) {
        case Initialisation::kUniformFanIn:
            return uniform_values(spec.shape, 1.0 / std::sqrt(static_cast<double>(spec.fan_in)), own_seed);
        case Initialisation::kNormal002:
            return filled(spec.shape, [=](std::int64_t i) { return 0.02 * normal(own_seed, i); });
        case Initialisation::kCodebook:
            return l2_normalise(uniform_values(spec.shape, 1.0, own_seed));
        case Initialisation::kOnes:
            return at::ones(spec.shape, at::kFloat);
        case Initialisation::kZeros:
            return at::zeros(spec.shape, at::kFloat);
        case Initialisation::kMinusTen:
            return at::full(spec.shape, -10.0, at::kFloat);
        case Initialisation::kCounting:
            return at::arange(spec.shape.back(), at::kLong).view(spec.shape);
    }
    fail(ExitCode::kInternal, "{}: unknown initialisation", spec.name);
}

}  // namespace ctclip
