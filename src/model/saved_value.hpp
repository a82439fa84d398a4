/// Keeps one plain C++ value (sizes, a policy, a plan) in an autograd context between forward and backward.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include <utility>

namespace ctclip {

template <class T>
struct SavedValue : torch::CustomClassHolder {
    explicit SavedValue(T saved) : value(std::move(saved)) {}

    T value;
};

/// At most one value a context.
template <class T>
void save_value(torch::autograd::AutogradContext& context, T value) {
    context.saved_data["value"] =
        c10::IValue::make_capsule(c10::make_intrusive<SavedValue<T>>(std::move(value)));
}

/// T as in save_value. The reference lives as long as the context.
template <class T>
T const& saved_value(torch::autograd::AutogradContext& context) {
    return static_cast<SavedValue<T> const*>(context.saved_data.at("value").toCapsule().get())->value;
}

}  // namespace ctclip
