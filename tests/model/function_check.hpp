/// Compares a function that has a backward pass of its own with a plain composition of LibTorch operators.
#pragma once

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <functional>
#include <vector>

#include "model/golden.hpp"

namespace ctclip {

using TensorFunction = std::function<at::Tensor(std::vector<at::Tensor> const&)>;

/// The output for `inputs`, then the gradient of sum(output * cotangent) for every input that has one.
inline std::vector<at::Tensor> output_and_gradients(TensorFunction const& function,
                                                    std::vector<at::Tensor> const& inputs) {
    std::vector<at::Tensor> leaves;
    for (at::Tensor const& input : inputs) {
        bool const is_real = input.defined() && at::isFloatingType(input.scalar_type());
        leaves.push_back(is_real ? input.detach().clone().requires_grad_() : input);
    }
    at::Tensor const output = function(leaves);
    at::Tensor const cotangent = at::cos(at::arange(output.numel(), output.options())).view(output.sizes());
    (output * cotangent).sum().backward();
    std::vector<at::Tensor> results = {output};
    for (at::Tensor const& leaf : leaves) {
        results.push_back(leaf.defined() ? leaf.grad() : at::Tensor());
    }
    return results;
}

/// @param tolerance  of the output and of every gradient, relative L2.
inline void expect_same_function(TensorFunction const& actual, TensorFunction const& expected,
                                 std::vector<at::Tensor> const& inputs, double tolerance) {
    std::vector<at::Tensor> const ours = output_and_gradients(actual, inputs);
    std::vector<at::Tensor> const theirs = output_and_gradients(expected, inputs);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        ASSERT_EQ(ours[i].defined(), theirs[i].defined()) << (i == 0 ? "output" : "input ") << i;
        if (ours[i].defined()) {
            EXPECT_EQ(ours[i].sizes(), theirs[i].sizes());
            EXPECT_LE(relative_l2(ours[i], theirs[i]), tolerance)
                << (i == 0 ? std::string("output") : "gradient of input " + std::to_string(i - 1));
        }
    }
}

inline at::Tensor random_tensor(at::IntArrayRef sizes, at::ScalarType type = at::kDouble) {
    return at::randn(sizes, at::TensorOptions().dtype(at::kDouble)).to(type);
}

}  // namespace ctclip
