#include "model/parameter_set.hpp"

#include <fmt/ranges.h>

#include "base/error.hpp"
#include "model/parameter_initialisation.hpp"
#include "model/tensor_array.hpp"

namespace ctclip {

ParameterSet::ParameterSet(ModelOptions const& options, at::Device device, at::ScalarType type) {
    for (ParameterSpec& spec : parameter_layout(options)) {
        at::ScalarType const own_type = spec.type == DType::kF32 ? type : scalar_type_of(spec.type);
        at::Tensor tensor = at::empty(spec.shape, at::TensorOptions().device(device).dtype(own_type));
        index_.emplace(spec.name, entries_.size());
        entries_.push_back({std::move(spec), std::move(tensor)});
        entries_.back().tensor.set_requires_grad(entries_.back().is_trained());
    }
}

void ParameterSet::initialise(std::uint64_t seed) {
    at::NoGradGuard const no_grad;
    for (Parameter const& entry : entries_) {
        if (!entry.tensor.is_meta()) {
            entry.tensor.detach().copy_(initial_values(entry.spec, seed));
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
    at::NoGradGuard const no_grad;
    for (Parameter const& entry : entries_) {
        auto const found = arrays.find(entry.spec.name);
        if (found != arrays.end()) {
            entry.tensor.detach().copy_(to_tensor(found->second));
        }
    }
    return absent;
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
