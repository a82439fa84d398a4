// Ranks that share a batch must get the gradients, and after some steps the weights, of one process that has
// it all.
#include "optim/gradient_sync.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.hpp"
#include "dist/self_communicator.hpp"
#include "mpi/mpi_communicator.hpp"
#include "optim/optimizer.hpp"
#include "optim/replica_check.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::int64_t kRowsPerRank = 6;
constexpr std::int64_t kNumInputs = 5;

at::Tensor wave(std::vector<std::int64_t> const& shape, double phase, at::ScalarType type) {
    std::int64_t count = 1;
    for (std::int64_t const size : shape) {
        count *= size;
    }
    return (at::arange(count, at::kDouble) * 0.7 + phase).sin().reshape(shape).to(type);
}

/// Two layers, and a gate that only rows of even ranks pass: other ranks have no gradient for it.
struct SmallModel {
    explicit SmallModel(at::ScalarType type) {
        auto const add = [&](std::string const& name, std::vector<std::int64_t> const& shape) {
            double const phase = static_cast<double>(parameters.size());
            parameters.push_back({name, wave(shape, phase, type).requires_grad_(true)});
        };
        add("first.weight", {7, kNumInputs});
        add("first.bias", {7});
        add("second.weight", {3, 7});
        add("second.bias", {3});
        add("gate", {});
    }

    /// Sum over the rows; mean losses are made by the caller, who knows the batch.
    at::Tensor loss_sum(at::Tensor const& rows, bool has_gate) const {
        at::Tensor const hidden = (rows.matmul(parameters[0].tensor.t()) + parameters[1].tensor).tanh();
        at::Tensor const gated = has_gate ? hidden * parameters[4].tensor : hidden;
        return (gated.matmul(parameters[2].tensor.t()) + parameters[3].tensor).square().sum();
    }

    NamedTensors parameters;
};

/// The rows of one rank (of the step), as of all ranks.
at::Tensor rows_of(int rank, int step, at::ScalarType type) {
    return wave({kRowsPerRank, kNumInputs}, 10.0 * rank + 100.0 * step, type);
}

/// The mean over the whole batch, computed in one process: rank after rank, since their gates differ.
at::Tensor whole_loss(SmallModel const& model, int world_size, int step, at::ScalarType type) {
    at::Tensor total = at::zeros({}, type);
    for (int rank = 0; rank < world_size; ++rank) {
        total = total + model.loss_sum(rows_of(rank, step, type), rank % 2 == 0);
    }
    return total / static_cast<double>(kRowsPerRank * world_size);
}

double relative_difference(at::Tensor const& a, at::Tensor const& b) {
    double const scale = b.abs().max().item<double>();
    return (a - b).abs().max().item<double>() / scale;
}

class GradientSyncTest : public testing::TestWithParam<std::tuple<at::ScalarType, std::size_t>> {
  protected:
    MpiCommunicator comm_{MPI_COMM_WORLD};
    int const rank_ = comm_.rank();
    int const world_size_ = comm_.world_size();
    at::ScalarType const type_ = std::get<0>(GetParam());
    GradientSyncOptions const options_{.bucket_cap_bytes = std::get<1>(GetParam())};
    double const tolerance_ = type_ == at::kDouble ? 1e-12 : 1e-5;

    at::Tensor local_loss(SmallModel const& model, int step) const {
        return model.loss_sum(rows_of(rank_, step, type_), rank_ % 2 == 0) /
               static_cast<double>(kRowsPerRank);
    }
};

INSTANTIATE_TEST_SUITE_P(TypesAndBuckets, GradientSyncTest,
                         testing::Combine(testing::Values(at::kDouble, at::kFloat),
                                          testing::Values(1, 300, std::size_t{25} << 20)),
                         [](auto const& values) {
                             return std::string(at::toString(std::get<0>(values.param))) + "Cap" +
                                    std::to_string(std::get<1>(values.param));
                         });

TEST_P(GradientSyncTest, RanksGetTheGradientsOfTheWholeBatch) {
    SmallModel const model(type_);
    SmallModel const reference(type_);
    GradientSync sync(model.parameters, comm_, options_);

    for (int step = 0; step < 2; ++step) {
        sync.zero();
        sync.start();
        local_loss(model, step).backward();
        sync.finish();

        for (auto const& parameter : reference.parameters) {
            parameter.tensor.mutable_grad() = at::Tensor();
        }
        whole_loss(reference, world_size_, step, type_).backward();
        for (std::size_t i = 0; i < model.parameters.size(); ++i) {
            EXPECT_LE(relative_difference(sync.gradients()[i], reference.parameters[i].tensor.grad()),
                      tolerance_)
                << model.parameters[i].name << " step " << step;
        }
    }
}

TEST_P(GradientSyncTest, MicroBatchesAccumulateBeforeTheyAreAveraged) {
    SmallModel const model(type_);
    SmallModel const reference(type_);
    GradientSync sync(model.parameters, comm_, options_);

    sync.zero();
    (local_loss(model, 0) / 3).backward();
    (local_loss(model, 1) / 3).backward();
    sync.start();
    (local_loss(model, 2) / 3).backward();
    sync.finish();

    for (int step = 0; step < 3; ++step) {
        (whole_loss(reference, world_size_, step, type_) / 3).backward();
    }
    for (std::size_t i = 0; i < model.parameters.size(); ++i) {
        EXPECT_LE(relative_difference(sync.gradients()[i], reference.parameters[i].tensor.grad()), tolerance_)
            << model.parameters[i].name;
    }
}

TEST_P(GradientSyncTest, BucketsLeaveWhileBackwardRuns) {
    SmallModel const model(type_);
    GradientSync sync(model.parameters, comm_, options_);

    sync.zero();
    sync.start();
    model.loss_sum(rows_of(rank_, 0, type_), /*has_gate=*/true).backward();
    sync.finish();

    EXPECT_EQ(sync.num_overlapped_buckets(), sync.num_buckets());
    EXPECT_EQ(sync.num_buckets() == 1, std::get<1>(GetParam()) > 1000);
}

TEST_P(GradientSyncTest, FiveStepsGiveTheWeightsOfOneProcess) {
    SmallModel const model(type_);
    SmallModel const reference(type_);
    OptimizerOptions const options{
        .loss_scaler = {.initial = 256.0},
        .lr_schedule = {.base_lr = 0.01, .warmup_steps = 2, .total_steps = 5},
        .adamw = {.eps =
                      1e-3},  // far from 0: Adam would divide rounding errors of tiny gradients by themselves
        .max_grad_norm = 0.5};
    Optimizer optimizer(model.parameters, options, 5);
    Optimizer reference_optimizer(reference.parameters, options, 5);
    GradientSync sync(model.parameters, comm_, options_);
    SelfCommunicator self;
    GradientSync reference_sync(reference.parameters, self);

    for (int step = 0; step < 5; ++step) {
        sync.zero();
        sync.start();
        optimizer.scaled(local_loss(model, step)).backward();
        sync.finish();
        optimizer.step(sync.gradients());

        reference_sync.zero();
        reference_sync.start();
        reference_optimizer.scaled(whole_loss(reference, world_size_, step, type_)).backward();
        reference_sync.finish();
        reference_optimizer.step(reference_sync.gradients());
    }

    for (std::size_t i = 0; i < model.parameters.size(); ++i) {
        EXPECT_LE(
            relative_difference(model.parameters[i].tensor.detach(), reference.parameters[i].tensor.detach()),
            tolerance_)
            << model.parameters[i].name;
    }
    EXPECT_NO_THROW(require_equal_replicas(model.parameters, comm_, 5));
}

TEST_P(GradientSyncTest, AnOverflowOnOneRankSkipsTheStepOnAll) {
    SmallModel const model(type_);
    Optimizer optimizer(model.parameters, {}, 1);
    GradientSync sync(model.parameters, comm_, options_);
    at::Tensor const before = model.parameters[0].tensor.detach().clone();

    sync.zero();
    sync.start();
    double const poison = rank_ == world_size_ - 1 ? std::numeric_limits<double>::infinity() : 1.0;
    (local_loss(model, 0) * poison).backward();
    sync.finish();
    StepReport const report = optimizer.step(sync.gradients()).read();

    EXPECT_TRUE(report.is_skipped);
    EXPECT_EQ(report.next_loss_scale, report.loss_scale / 2);
    EXPECT_TRUE(model.parameters[0].tensor.detach().equal(before));
}

class ReplicaCheckTest : public testing::Test {
  protected:
    MpiCommunicator comm_{MPI_COMM_WORLD};
};

TEST_F(ReplicaCheckTest, FindsASingleFlippedBitAndNamesTheTensor) {
    NamedTensors const tensors{{"a", at::arange(1000, at::kFloat)},
                               {"b", at::arange(1000, at::kDouble)},
                               {"count", at::arange(3, at::kLong)}};
    EXPECT_NO_THROW(require_equal_replicas(tensors, comm_, 1));
    if (comm_.rank() == 1) {
        tensors[1].tensor.view(at::kLong)[17].bitwise_xor_(1);
    }

    auto const check = [&] { require_equal_replicas(tensors, comm_, 42); };

    if (comm_.world_size() == 1) {
        EXPECT_NO_THROW(check());
    } else if (comm_.world_size() == 2) {
        EXPECT_THAT(check, ThrowsMessage<Error>(HasSubstr("ranks 0, 1 differ")));
    } else {
        EXPECT_THAT(check,
                    ThrowsMessage<Error>(AllOf(HasSubstr("at step 42 the ranks no longer hold the same b"),
                                               HasSubstr("rank 1 differs"))));
    }
}

}  // namespace
}  // namespace ctclip
