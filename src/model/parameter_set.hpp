/// The model's tensors by their Python state-dict names, in that order.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/array.hpp"
#include "model/model_options.hpp"
#include "model/parameter_layout.hpp"

namespace ctclip {

struct Parameter {
    ParameterSpec spec;
    at::Tensor tensor;

    /// True for what the optimizer updates: used parameters. They require a gradient, nothing else does.
    bool is_trained() const {
        return spec.kind == ParameterKind::kParameter && spec.use == ParameterUse::kUsed;
    }
};

/// Tensors keep their identity: initialise() and load() write into them, so models and optimizers may hold
/// them.
class ParameterSet {
  public:
    /// Used tensors have unspecified content. @param type  of every floating-point tensor (the policy's
    /// master type).
    ParameterSet(ModelOptions const& options, at::Device device, at::ScalarType type);

    /// Values to train from scratch: each a pure function of (seed, name, index), so
    /// that all ranks agree without talking.
    void initialise(std::uint64_t seed);

    /// Copies values by name; floating-point types are converted. Names that the model does not have are
    /// ignored.
    /// @returns the model's names that `arrays` lacks and that may be absent; their tensors keep their
    /// values.
    /// @throws Error kBadInput, before anything is changed, naming the tensors that are missing or have
    /// another shape.
    std::vector<std::string> load(NamedArrays const& arrays);

    /// Copies values by name; what `arrays` lacks keeps its values. Names that the model does not have are ignored.
    /// @throws Error kInternal for another shape.
    void overlay(NamedArrays const& arrays);

    /// Copies of all tensors in host memory.
    NamedArrays to_arrays() const;

    std::vector<Parameter> const& entries() const { return entries_; }
    /// What an optimizer, gradient reduction and clipping see, in the order in which a step's forward first uses it:
    /// volumes are encoded before reports. Backward completes gradients in the reverse order, so that they can
    /// travel as they come; scalars of the loss stand first, since with GradCache theirs come before all others.
    std::vector<Parameter const*> trained() const;
    bool contains(std::string_view name) const;
    /// @throws Error kInternal if the model has no such tensor.
    at::Tensor const& at(std::string_view name) const;

    /// Elements of all parameters (without buffers), and of those that are trained.
    std::int64_t num_parameters() const;
    std::int64_t num_trained_parameters() const;

  private:
    std::vector<Parameter> entries_;
    std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace ctclip
