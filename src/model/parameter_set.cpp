#include "model/parameter_set.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error.hpp"
#include "model/parameter_initialisation.hpp"
#include "model/tensor_array.hpp"

namespace ctclip {
namespace {

bool is_unused_parameter(ParameterSpec const& spec) {
    return spec.kind == ParameterKind::kParameter && spec.use == ParameterUse::kUnused;
}

/// Zeros in memory that the system provides when it is first written, not before.
at::Tensor untouched_zeros(Shape const& shape, at::ScalarType type) {
    auto const count = static_cast<std::size_t>(element_count(shape));
    void* const memory = std::calloc(std::max<std::size_t>(count, 1), at::elementSize(type));
    require(memory != nullptr, ExitCode::kUnavailable, "no memory for a parameter of shape {}",
            to_string(shape));
    return at::from_blob(
        memory, shape, [](void* owned) { std::free(owned); }, at::TensorOptions().dtype(type));
}

at::Tensor allocate(ParameterSpec const& spec, at::Device device, at::ScalarType type) {
    at::ScalarType const own_type = spec.type == DType::kF32 ? type : scalar_type_of(spec.type);
    if (is_unused_parameter(spec) && !device.is_meta()) {
        return untouched_zeros(spec.shape, own_type);
    }
    return at::empty(spec.shape, at::TensorOptions().device(device).dtype(own_type));
}

/// Writes unused parameters only where their values change, so that zeros stay untouched.
void assign(Parameter const& parameter, at::Tensor const& values) {
    at::Tensor const target = parameter.tensor.detach();
    if (is_unused_parameter(parameter.spec) && at::equal(target, values.to(target.scalar_type()))) {
        return;
    }
    target.copy_(values);
}

/// Where in the forward of a step a parameter is used first.
int place_in_forward(Parameter const& parameter) {
    // The latents' projections follow the encoders, the text the volume; the rest are scalars of the loss.
    constexpr std::array<std::string_view, 4> kParts = {"visual_transformer.", "to_visual_latent.",
                                                        "text_transformer.", "to_text_latent."};
    auto const part = std::ranges::find_if(
        kParts, [&](std::string_view prefix) { return parameter.spec.name.starts_with(prefix); });
    return part == kParts.end() ? -1 : static_cast<int>(part - kParts.begin());
}

}  // namespace

ParameterSet::ParameterSet(ModelOptions const& options, at::Device device, at::ScalarType type) {
    for (ParameterSpec& spec : parameter_layout(options)) {
        at::Tensor tensor = allocate(spec, device, type);
        index_.emplace(spec.name, entries_.size());
        entries_.push_back({std::move(spec), std::move(tensor)});
        entries_.back().tensor.set_requires_grad(entries_.back().is_trained());
    }
}

void ParameterSet::initialise(std::uint64_t seed) {
    at::NoGradGuard const no_grad;
    for (Parameter const& entry : entries_) {
        if (!entry.tensor.is_meta()) {
            assign(entry, initial_values(entry.spec, seed));
        }
    }
}

std::vector<std::string> ParameterSet::load(NamedArrays const& arrays) {
    std::vector<std::string> absent;
    std::vector<std::string> problems;
    for (Parameter const& entry : entries_) {
        auto const found = arrays.find(entry.spec.name);
        if (found == arrays.end()) {
            (entry.spec.may_be_absent ? absent : problems).push_back(entry.spec.name);
        } else if (found->second.shape != entry.spec.shape) {
            problems.push_back(fmt::format("{} has shape {}, the model needs {}", entry.spec.name,
                                           to_string(found->second.shape), to_string(entry.spec.shape)));
        }
    }
    require(
        problems.empty(), ExitCode::kBadInput,
        "the weights do not fit the model. Missing, or of another shape: {}. Check the sizes under `model:`.",
        fmt::join(problems, "; "));
    overlay(arrays);
    return absent;
}

void ParameterSet::overlay(NamedArrays const& arrays) {
    at::NoGradGuard const no_grad;
    for (Parameter const& entry : entries_) {
        auto const found = arrays.find(entry.spec.name);
        if (found != arrays.end()) {
            require(found->second.shape == entry.spec.shape, ExitCode::kInternal, "{} has shape {}, the model needs {}",
                    entry.spec.name, to_string(found->second.shape), to_string(entry.spec.shape));
            assign(entry, to_tensor(found->second));
        }
    }
}

NamedArrays ParameterSet::to_arrays() const {
    NamedArrays arrays;
    for (Parameter const& entry : entries_) {
        arrays.emplace(entry.spec.name, to_array(entry.tensor));
    }
    return arrays;
}

std::vector<Parameter const*> ParameterSet::trained() const {
    std::vector<Parameter const*> trained;
    for (Parameter const& entry : entries_) {
        if (entry.is_trained()) {
            trained.push_back(&entry);
        }
    }
    std::ranges::stable_sort(trained, {}, [](Parameter const* parameter) { return place_in_forward(*parameter); });
    return trained;
}

bool ParameterSet::contains(std::string_view name) const {
    return index_.contains(std::string(name));
}

at::Tensor const& ParameterSet::at(std::string_view name) const {
    auto const found = index_.find(std::string(name));
    require(found != index_.end(), ExitCode::kInternal, "the model has no tensor '{}'", name);
    return entries_[found->second].tensor;
}

std::int64_t ParameterSet::num_parameters() const {
    std::int64_t count = 0;
    for (Parameter const& entry : entries_) {
        count += entry.spec.kind == ParameterKind::kParameter ? entry.tensor.numel() : 0;
    }
    return count;
}

std::int64_t ParameterSet::num_trained_parameters() const {
    std::int64_t count = 0;
    for (Parameter const& entry : entries_) {
        count += entry.is_trained() ? entry.tensor.numel() : 0;
    }
    return count;
}

}  // namespace ctclip
