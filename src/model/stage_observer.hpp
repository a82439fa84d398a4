/// Lets tests and diagnostics look at the tensors between the stages of a model.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>

namespace ctclip {

/// Called with a stage's name ("spatial.layer0.out", as in tests/data/model) and its output. Empty: nobody
/// looks.
using StageObserver = std::function<void(std::string const& stage, at::Tensor const& output)>;

inline void show(StageObserver const& observer, std::string const& stage, at::Tensor const& output) {
    if (observer) {
        observer(stage, output);
    }
}

}  // namespace ctclip
