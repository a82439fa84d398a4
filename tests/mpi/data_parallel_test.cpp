// The real model over ranks: a global batch split over 1, 2 or 4 ranks gives the gradients, and after some
// steps the weights, of one process that has the whole batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dist/self_communicator.hpp"
#include "loss/contrastive_loss.hpp"
#include "model/clip_model.hpp"
#include "mpi/mpi_communicator.hpp"
#include "optim/gradient_sync.hpp"
#include "optim/optimizer.hpp"
#include "optim/replica_check.hpp"

namespace ctclip {
namespace {

constexpr std::int64_t kGlobalBatch = 4;
constexpr std::int64_t kNumSlices = 4;
constexpr std::int64_t kNumTokens = 6;
constexpr std::uint64_t kSeed = 7;

ModelOptions tiny_model(LossType loss_type) {
    return {.image = {.dim = 16,
                      .codebook_size = 12,
                      .image_height = 12,
                      .image_width = 12,
                      .patch_height = 4,
                      .patch_width = 4,
                      .temporal_patch_size = 2,
                      .spatial_depth = 1,
                      .temporal_depth = 1,
                      .dim_head = 8,
                      .heads = 2},
            .text = {.vocab_size = 40,
                     .hidden_size = 16,
                     .num_layers = 1,
                     .num_heads = 2,
                     .intermediate_size = 24,
                     .max_positions = 8},
            .dim_latent = 8,
            .loss_type = loss_type};
}

/// Rows [first, first + count) of the global batch of a step.
struct Batch {
    at::Tensor volume;
    TextBatch text;

    Batch(int step, std::int64_t first, std::int64_t count, at::ScalarType type) {
        std::vector<std::int64_t> const shape{kGlobalBatch, 1, kNumSlices, 12, 12};
        std::int64_t const num_voxels = kGlobalBatch * kNumSlices * 12 * 12;
        at::Tensor const ramp = at::arange(num_voxels, at::kDouble) * 0.37 + step;
        volume =
            (ramp.sin() * (ramp * 0.011).cos()).reshape(shape).narrow(0, first, count).to(type).contiguous();
        at::Tensor const ids = (at::arange(kGlobalBatch * kNumTokens, at::kLong) * 7 + step).remainder(40);
        text.ids = ids.reshape({kGlobalBatch, kNumTokens}).narrow(0, first, count).contiguous();
        text.attention_mask = at::ones({count, kNumTokens}, at::kLong);
    }
};

/// One replica of model, optimizer and gradient averaging.
class Replica {
  public:
    Replica(ComputeType type, LossType loss_type, Communicator& communicator)
        : policy_(type),
          communicator_(communicator),
          loss_{.type = loss_type},
          parameters_(initialised(tiny_model(loss_type), policy_)),
          model_(tiny_model(loss_type), parameters_, policy_),
          optimizer_(trained(), optimizer_options(), 3),
          sync_(trained(), communicator, {.bucket_cap_bytes = 4000}) {}

    /// Forward, backward and averaging of this rank's share. The mean over ranks of the result is the global
    /// loss.
    double accumulate(int step) {
        std::int64_t const count = kGlobalBatch / communicator_.world_size();
        std::int64_t const first = communicator_.rank() * count;
        Batch const batch(step, first, count, policy_.master());
        sync_.zero();
        at::Tensor const text =
            model_.encode_text(batch.text, TextDropout{.seed = kSeed, .first_sample = first});
        at::Tensor const image = model_.encode_image(batch.volume, Mode::kTrain).latents;
        at::Tensor const loss =
            contrastive_loss(text, image, {model_.temperature(), model_.logit_bias()}, loss_,
                             RowPartition::even(communicator_.world_size(), count), communicator_);
        sync_.start();
        optimizer_.scaled(loss).backward();
        sync_.finish();
        return loss.item<double>();
    }

    StepReport step() { return optimizer_.step(sync_.gradients()).read(); }

    std::vector<at::Tensor> const& gradients() const { return sync_.gradients(); }
    NamedTensors const& weights() const { return optimizer_.parameters(); }

  private:
    static ParameterSet initialised(ModelOptions const& options, PrecisionPolicy const& policy) {
        ParameterSet parameters(options, at::kCPU, policy.master());
        parameters.initialise(kSeed);
        return parameters;
    }

    static OptimizerOptions optimizer_options() {
        return {.loss_scaler = {.initial = 64.0},
                .lr_schedule = {.base_lr = 1e-3, .warmup_steps = 1, .total_steps = 3},
                .adamw = {.eps = 1e-4},  // far from 0: Adam would blow up rounding errors of tiny gradients
                .max_grad_norm = 0.5};
    }

    NamedTensors trained() const {
        NamedTensors tensors;
        for (Parameter const* const parameter : parameters_.trained()) {
            tensors.push_back({parameter->spec.name, parameter->tensor});
        }
        return tensors;
    }

    PrecisionPolicy policy_;
    Communicator& communicator_;
    LossOptions loss_;
    ParameterSet parameters_;
    ClipModel model_;
    Optimizer optimizer_;
    GradientSync sync_;
};

/// |a - b| / |b|; b's absolute size where b is all rounding errors.
double relative_difference(at::Tensor const& a, at::Tensor const& b, double floor) {
    double const scale = std::max(b.norm().item<double>(), floor);
    return (a - b).norm().item<double>() / scale;
}

class DataParallelTest : public testing::TestWithParam<std::tuple<ComputeType, LossType>> {
  protected:
    MpiCommunicator comm_{MPI_COMM_WORLD};
    SelfCommunicator self_;
    ComputeType const type_ = std::get<0>(GetParam());
    LossType const loss_type_ = std::get<1>(GetParam());
    double const tolerance_ = type_ == ComputeType::kDouble ? 1e-12 : 1e-5;
};

INSTANTIATE_TEST_SUITE_P(TypesAndLosses, DataParallelTest,
                         testing::Combine(testing::Values(ComputeType::kDouble, ComputeType::kFloat),
                                          testing::Values(LossType::kSoftmax, LossType::kSiglip)),
                         [](auto const& values) {
                             return std::string(name_of(std::get<0>(values.param))) +
                                    (std::get<1>(values.param) == LossType::kSoftmax ? "Softmax" : "Siglip");
                         });

TEST_P(DataParallelTest, EveryGradientEqualsThatOfTheWholeBatch) {
    Replica replica(type_, loss_type_, comm_);
    Replica whole(type_, loss_type_, self_);

    double loss = replica.accumulate(0);
    comm_.all_reduce(&loss, 1, Element::kF64, Reduction::kAverage);
    double const whole_loss = whole.accumulate(0);

    EXPECT_NEAR(loss / whole_loss, 1.0, tolerance_);
    double largest = 0.0;
    for (at::Tensor const& gradient : whole.gradients()) {
        largest = std::max(largest, gradient.norm().item<double>());
    }
    ASSERT_GT(largest, 0.0);
    for (std::size_t i = 0; i < whole.weights().size(); ++i) {
        // Gradients that vanish by symmetry (of key biases) are rounding errors of the others.
        EXPECT_LE(relative_difference(replica.gradients()[i], whole.gradients()[i], 1e-3 * largest),
                  tolerance_)
            << whole.weights()[i].name;
    }
}

TEST_P(DataParallelTest, ThreeStepsGiveTheWeightsOfOneProcess) {
    Replica replica(type_, loss_type_, comm_);
    Replica whole(type_, loss_type_, self_);

    for (int step = 0; step < 3; ++step) {
        replica.accumulate(step);
        whole.accumulate(step);
        StepReport const report = replica.step();
        StepReport const whole_report = whole.step();
        EXPECT_FALSE(report.is_skipped);
        EXPECT_NEAR(report.grad_norm / whole_report.grad_norm, 1.0, tolerance_);
    }

    for (std::size_t i = 0; i < whole.weights().size(); ++i) {
        EXPECT_LE(relative_difference(replica.weights()[i].tensor.detach(),
                                      whole.weights()[i].tensor.detach(), 1e-3),
                  10 * tolerance_)
            << whole.weights()[i].name;
    }
    EXPECT_NO_THROW(require_equal_replicas(replica.weights(), comm_, 3));
}

}  // namespace
}  // namespace ctclip
