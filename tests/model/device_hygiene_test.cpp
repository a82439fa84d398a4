// Device hygiene without a GPU: a whole training step at real sizes on LibTorch's meta device, where a tensor
// made on another device, or a wrong shape, is an error. No memory is touched.
#include <gmock/gmock.h>

#include "model/train_step_fixture.hpp"

namespace ctclip {
namespace {

class DeviceHygiene : public testing::TestWithParam<ComputeType> {};

TEST_P(DeviceHygiene, AStepOfBatch32AtRealSizeRunsOnTheMetaDevice) {
    ModelOptions options;
    options.loss_type = LossType::kSoftmax;
    PrecisionPolicy const policy(GetParam());
    ParameterSet const parameters(options, at::kMeta, policy.master());
    ClipModel const model(options, parameters, policy);
    at::TensorOptions const on_meta = at::TensorOptions().device(at::kMeta);
    at::Tensor const ids = at::empty({32, 512}, on_meta.dtype(at::kLong));
    StepInput const input{at::empty({32, 1, 240, 480, 480}, on_meta.dtype(at::kFloat)), {ids, ids}};

    at::Tensor const loss = run_step(parameters, model, input, 65536.0);

    EXPECT_TRUE(loss.is_meta());
    EXPECT_EQ(loss.dim(), 0);
    for (Parameter const& entry : parameters.entries()) {
        EXPECT_EQ(entry.tensor.grad().defined(), entry.is_trained()) << entry.spec.name;
        if (entry.is_trained()) {
            EXPECT_TRUE(entry.tensor.grad().is_meta()) << entry.spec.name;
            EXPECT_EQ(entry.tensor.grad().sizes(), entry.tensor.sizes()) << entry.spec.name;
            EXPECT_EQ(entry.tensor.grad().scalar_type(), at::kFloat) << entry.spec.name;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, DeviceHygiene,
                         testing::Values(ComputeType::kFloat, ComputeType::kHalf, ComputeType::kBFloat16),
                         [](auto const& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace ctclip
