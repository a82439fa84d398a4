#include "optim/gradient_sync.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "dist/self_communicator.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

at::Tensor leaf(std::vector<std::int64_t> const& shape) {
    return at::ones(shape).requires_grad_(true);
}

TEST(GradientSync, GradientsAreZeroForParametersThatTookNoPart) {
    SelfCommunicator comm;
    NamedTensors const parameters{{"used", leaf({2})}, {"unused", leaf({3})}};
    GradientSync sync(parameters, comm);

    sync.zero();
    sync.start();
    parameters[0].tensor.sum().backward();
    sync.finish();

    EXPECT_TRUE(sync.gradients()[0].equal(at::ones({2})));
    EXPECT_TRUE(sync.gradients()[1].equal(at::zeros({3})));
    EXPECT_EQ(sync.num_overlapped_buckets(), 0U);
}

TEST(GradientSync, ZeroForgetsTheLastStep) {
    SelfCommunicator comm;
    NamedTensors const parameters{{"w", leaf({2})}};
    GradientSync sync(parameters, comm);

    parameters[0].tensor.sum().backward();
    sync.zero();

    EXPECT_TRUE(sync.gradients()[0].equal(at::zeros({2})));
}

TEST(GradientSync, TakesItsHooksOutAtTheEnd) {
    NamedTensors const parameters{{"w", leaf({2})}};
    {
        SelfCommunicator comm;
        GradientSync const sync(parameters, comm);
    }

    EXPECT_NO_THROW(parameters[0].tensor.sum().backward());
}

TEST(GradientSync, NoticesAReplacedGradient) {
    SelfCommunicator comm;
    NamedTensors const parameters{{"w", leaf({2})}};
    GradientSync sync(parameters, comm);

    parameters[0].tensor.mutable_grad() = at::zeros({2});

    EXPECT_THAT([&] { sync.zero(); }, ThrowsMessage<Error>(HasSubstr("gradient tensor of w was replaced")));
}

TEST(GradientSync, RefusesASecondBackwardAfterTheStart) {
    SelfCommunicator comm;
    NamedTensors const parameters{{"w", leaf({2})}};
    GradientSync sync(parameters, comm);

    sync.start();
    parameters[0].tensor.sum().backward();

    EXPECT_THAT([&] { parameters[0].tensor.sum().backward(); },
                ThrowsMessage<Error>(HasSubstr("gradient of w was added to twice")));
}

TEST(GradientSync, RefusesCallsOutOfOrder) {
    SelfCommunicator comm;
    NamedTensors const parameters{{"w", leaf({2})}};
    GradientSync sync(parameters, comm);

    EXPECT_THAT([&] { sync.finish(); }, ThrowsMessage<Error>(HasSubstr("not started")));
    sync.start();
    EXPECT_THAT([&] { sync.start(); }, ThrowsMessage<Error>(HasSubstr("started twice")));
}

TEST(GradientSync, RefusesParametersItCannotServe) {
    SelfCommunicator comm;
    auto const make = [&](NamedTensors const& parameters) { GradientSync const sync(parameters, comm); };

    EXPECT_THAT([&] { make({}); }, ThrowsMessage<Error>(HasSubstr("no parameters")));
    EXPECT_THAT(
        [&] {
            make({{"w", at::ones({2})}});
        },
        ThrowsMessage<Error>(HasSubstr("w is not a contiguous leaf")));
    EXPECT_THAT(
        [&] {
            make({{"w", at::ones({2}, at::kHalf).requires_grad_(true)}});
        },
        ThrowsMessage<Error>(HasSubstr("not of Half")));
    EXPECT_THAT(
        [&] {
            make({{"a", leaf({2})}, {"b", at::ones({2}, at::kDouble).requires_grad_(true)}});
        },
        ThrowsMessage<Error>(HasSubstr("parameter b is Double on cpu, but a is Float on cpu")));
}

TEST(GradientSync, WorksOnTheMetaDevice) {
    SelfCommunicator comm;
    NamedTensors const parameters{{"w", at::ones({4, 4}, at::kMeta).requires_grad_(true)}};
    GradientSync sync(parameters, comm);

    sync.zero();
    sync.start();
    parameters[0].tensor.matmul(parameters[0].tensor).sum().backward();
    sync.finish();

    EXPECT_TRUE(sync.gradients()[0].is_meta());
    EXPECT_EQ(sync.num_overlapped_buckets(), 1U);
}

}  // namespace
}  // namespace ctclip
