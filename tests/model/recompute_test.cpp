#include "model/recompute.hpp"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include "model/train_step_fixture.hpp"

namespace ctclip {
namespace {

/// Parameters whose gradients come from one step with dropout.
ParameterSet after_step(ComputeType type, Recompute recompute) {
    at::set_num_threads(1);
    at::manual_seed(4);
    StepInput const input{at::rand({4, 1, 8, 16, 16}), {at::randint(1, 50, {4, 9}, at::kLong), {}}};
    ModelOptions const options = tiny_model_options();
    PrecisionPolicy const policy(type);
    ParameterSet parameters(options, at::kCPU, policy.master());
    parameters.initialise(1);
    run_step(parameters, ClipModel(options, parameters, policy, recompute), input);
    return parameters;
}

TEST(Recompute, ChangesNoBitOfAnyGradientOrOfTheCodebook) {
    for (ComputeType const type : {ComputeType::kFloat, ComputeType::kBFloat16}) {
        ParameterSet const kept = after_step(type, Recompute::kNone);
        ParameterSet const recomputed = after_step(type, Recompute::kLayers);
        for (Parameter const& entry : kept.entries()) {
            at::Tensor const& other = recomputed.at(entry.spec.name);
            EXPECT_TRUE(at::equal(entry.tensor, other)) << entry.spec.name;
            ASSERT_EQ(entry.tensor.grad().defined(), other.grad().defined()) << entry.spec.name;
            if (entry.tensor.grad().defined()) {
                EXPECT_TRUE(at::equal(entry.tensor.grad(), other.grad())) << entry.spec.name;
            }
        }
    }
}

}  // namespace
}  // namespace ctclip
