// One step by itself: it reads nothing back from the device, and computes the same in pieces as in one.
#include "train/train_step.hpp"

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/splitmix64.hpp"
#include "dist/self_communicator.hpp"
#include "model/batch_uploader.hpp"
#include "mpi/mpi_communicator.hpp"

namespace ctclip {
namespace {

constexpr std::int64_t kGlobalBatch = 8;
constexpr std::int64_t kNumTokens = 6;
constexpr std::int64_t kNumSlices = 4;
constexpr std::int64_t kSide = 12;

ModelOptions tiny_model() {
    return {.image = {.dim = 16,
                      .codebook_size = 12,
                      .image_height = kSide,
                      .image_width = kSide,
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
                     .max_positions = 8,
                     .dropout = 0.2},
            .dim_latent = 8};
}

/// Rows [first, first + count) of a global batch; reports of different lengths.
class Rows {
  public:
    Rows(std::int64_t first, std::int64_t count) {
        batch_.shape = {
            .num_rows = count, .grid = {.shape_zxy = {kNumSlices, kSide, kSide}}, .num_tokens = kNumTokens};
        for (std::int64_t row = first; row < first + count; ++row) {
            for (std::int64_t voxel = 0; voxel < kNumSlices * kSide * kSide; ++voxel) {
                voxels_.push_back(
                    static_cast<float>(2.0 * to_unit(splitmix64(static_cast<std::uint64_t>(row),
                                                                static_cast<std::uint64_t>(voxel))) -
                                       1.0));
            }
            std::int64_t const length = 3 + row % 4;
            for (std::int64_t token = 0; token < kNumTokens; ++token) {
                batch_.token_ids.push_back(token < length ? (row * 7 + token * 3) % 40 : 0);
                batch_.attention_mask.push_back(token < length ? 1 : 0);
            }
            batch_.token_counts.push_back(length);
        }
        batch_.volumes = voxels_;
        batch_.num_valid = count;
    }
    Rows(Rows const&) = delete;
    Rows& operator=(Rows const&) = delete;

    HostBatch const& batch() const { return batch_; }

  private:
    std::vector<float> voxels_;
    HostBatch batch_;
};

NamedTensors trained(ParameterSet const& parameters) {
    NamedTensors tensors;
    for (Parameter const* const parameter : parameters.trained()) {
        tensors.push_back({parameter->spec.name, parameter->tensor});
    }
    return tensors;
}

struct ReplicaSettings {
    std::int64_t num_chunks = 1;
    Recompute recompute = Recompute::kNone;
    at::Device device = at::kCPU;
    ComputeType type = ComputeType::kFloat;
    SyncOverlap overlap = SyncOverlap::kWithBackward;
};

/// Model, optimizer and step on one rank.
class Replica {
  public:
    Replica(ReplicaSettings const& settings, Communicator& communicator)
        : policy_(settings.type),
          communicator_(communicator),
          parameters_(tiny_model(), settings.device, policy_.master()),
          model_(tiny_model(), parameters_, policy_, settings.recompute),
          optimizer_(trained(parameters_),
                     {.loss_scaler = {.initial = 64.0},
                      .lr_schedule = {.base_lr = 1e-3, .warmup_steps = 0, .total_steps = 3},
                      .adamw = {.eps = 1e-4},
                      .max_grad_norm = 0.5},
                     3),
          sync_(trained(parameters_), communicator, {.bucket_cap_bytes = 4000, .overlap = settings.overlap}),
          step_(model_, optimizer_, sync_, communicator,
                {.loss = {}, .seed = 5, .num_chunks = settings.num_chunks}),
          uploader_(settings.device) {
        if (!settings.device.is_meta()) {
            parameters_.initialise(3);
        }
    }

    /// This rank's share of the global batch, in `num_micro_batches` parts.
    StepResult run(std::int64_t step, std::int64_t num_micro_batches = 1) {
        std::int64_t const count = kGlobalBatch / communicator_.world_size();
        std::vector<std::unique_ptr<Rows>> rows;
        std::int64_t const part = count / num_micro_batches;
        auto const next = [&] {
            auto const i = static_cast<std::int64_t>(rows.size());
            std::int64_t const first = i * communicator_.world_size() * part + communicator_.rank() * part;
            rows.push_back(std::make_unique<Rows>(first, part));
            return uploader_.upload(borrowed(rows.back()->batch()));
        };
        return step_.run(step, {num_micro_batches, next}, StepTimer{});
    }

    std::vector<at::Tensor> gradients() const {
        std::vector<at::Tensor> copies;
        for (at::Tensor const& gradient : sync_.gradients()) {
            copies.push_back(gradient.clone());
        }
        return copies;
    }
    GradientSync const& sync() const { return sync_; }
    ParameterSet const& parameters() const { return parameters_; }
    NamedTensors const& weights() const { return optimizer_.parameters(); }
    at::Tensor codebook() const { return parameters_.at("visual_transformer.vq._codebook.embed").clone(); }

  private:
    PrecisionPolicy policy_;
    Communicator& communicator_;
    ParameterSet parameters_;
    ClipModel model_;
    Optimizer optimizer_;
    GradientSync sync_;
    TrainStep step_;
    BatchUploader uploader_;
};

double difference(at::Tensor const& a, at::Tensor const& b, double floor) {
    return (a - b).norm().item<double>() / std::max(b.norm().item<double>(), floor);
}

void expect_equal(Replica const& replica, Replica const& whole, double tolerance) {
    std::vector<at::Tensor> const mine = replica.gradients();
    std::vector<at::Tensor> const expected = whole.gradients();
    double largest = 0.0;
    for (at::Tensor const& gradient : expected) {
        largest = std::max(largest, gradient.norm().item<double>());
    }
    ASSERT_GT(largest, 0.0);
    for (std::size_t i = 0; i < mine.size(); ++i) {
        EXPECT_LE(difference(mine[i], expected[i], 1e-3 * largest), tolerance) << whole.weights()[i].name;
    }
    EXPECT_LE(difference(replica.codebook(), whole.codebook(), 1e-3), tolerance);
}

class TrainStepTest : public testing::Test {
  protected:
    MpiCommunicator ranks_{MPI_COMM_WORLD};
    SelfCommunicator self_;
};

/// Tensors of the meta device have no values: whoever reads one fails.
TEST_F(TrainStepTest, ReadsNothingBackFromTheDevice) {
    for (std::int64_t const num_chunks : {1, 2}) {
        Replica replica({.num_chunks = num_chunks, .device = at::kMeta, .type = ComputeType::kHalf}, self_);
        StepResult const result = replica.run(0, 2);
        EXPECT_ANY_THROW(result.loss.item<float>());
        EXPECT_ANY_THROW(result.outcome.read());
    }
}

TEST_F(TrainStepTest, ChunksTimesRanksEqualOneWholeBatch) {
    for (std::int64_t const num_chunks : {2, 3, 8}) {
        Replica replica({.num_chunks = num_chunks}, ranks_);
        Replica whole({}, self_);
        for (std::int64_t step = 0; step < 2; ++step) {
            double const loss = replica.run(step).loss.item<double>();
            double const whole_loss = whole.run(step).loss.item<double>();
            EXPECT_NEAR(loss / whole_loss, 1.0, 1e-5) << num_chunks << " chunks, step " << step;
            expect_equal(replica, whole, 1e-5);
        }
    }
}

TEST_F(TrainStepTest, AccumulationMeansTheSameInChunks) {
    Replica chunks({.num_chunks = 2}, ranks_);
    Replica whole({}, ranks_);

    double const loss = chunks.run(0, 2).loss.item<double>();
    double const whole_loss = whole.run(0, 2).loss.item<double>();

    EXPECT_NEAR(loss / whole_loss, 1.0, 1e-5);
    expect_equal(chunks, whole, 1e-5);
}

TEST_F(TrainStepTest, GradientsThatTravelDuringBackwardHaveTheSameBits) {
    for (std::int64_t const num_chunks : {1, 2}) {
        Replica overlapped({.num_chunks = num_chunks}, ranks_);
        Replica afterwards({.num_chunks = num_chunks, .overlap = SyncOverlap::kAfterBackward}, ranks_);
        overlapped.run(0);
        afterwards.run(0);
        for (std::size_t i = 0; i < overlapped.gradients().size(); ++i) {
            EXPECT_TRUE(overlapped.gradients()[i].equal(afterwards.gradients()[i])) << overlapped.weights()[i].name;
        }
        EXPECT_EQ(afterwards.sync().num_early_buckets(), 0U);
    }
}

/// Only what backward makes last may still be here: the patch embedding and the position bias, which forward uses
/// first.
TEST_F(TrainStepTest, GradientsTravelInTheOrderInWhichBackwardMakesThem) {
    for (std::int64_t const num_chunks : {1, 2}) {
        Replica replica({.num_chunks = num_chunks}, ranks_);
        replica.run(0);
        EXPECT_GE(replica.sync().num_buckets(), 10U);
        EXPECT_GE(replica.sync().num_early_buckets() + 3, replica.sync().num_buckets()) << num_chunks << " chunks";
    }
}

TEST_F(TrainStepTest, TheShareOfTravelThatBackwardHidesIsKnownWhereThereAreRanks) {
    Replica replica({}, ranks_);
    replica.run(0);
    std::optional<double> const share = replica.sync().hidden_share();
    ASSERT_EQ(share.has_value(), ranks_.world_size() > 1);
    EXPECT_GE(share.value_or(0.0), 0.0);
    EXPECT_LE(share.value_or(0.0), 1.0);
}

void expect_the_same_bits_again(at::Device device) {
    SelfCommunicator self;
    for (ComputeType const type : {ComputeType::kFloat, ComputeType::kHalf}) {
        Replica first({.device = device, .type = type}, self);
        Replica second({.device = device, .type = type}, self);
        for (std::int64_t step = 0; step < 2; ++step) {
            EXPECT_TRUE(first.run(step).loss.equal(second.run(step).loss)) << name_of(type);
        }
        for (std::size_t i = 0; i < first.weights().size(); ++i) {
            EXPECT_TRUE(first.weights()[i].tensor.equal(second.weights()[i].tensor))
                << name_of(type) << " " << first.weights()[i].name;
        }
    }
}

TEST_F(TrainStepTest, TheSameStepGivesTheSameBitsAgain) {
    expect_the_same_bits_again(at::kCPU);
}

#if defined(CTCLIP_CUDA)
class TrainStepOnGpu : public testing::Test {
  protected:
    void SetUp() override {
        if (!at::hasCUDA()) {
            GTEST_SKIP() << "no GPU on this machine";
        }
        set_accurate_sums();
    }

    at::Device gpu_{at::kCUDA, 0};
    SelfCommunicator self_;
};

TEST_F(TrainStepOnGpu, TheSameStepGivesTheSameBitsAgain) {
    expect_the_same_bits_again(gpu_);
}

/// Halves are rounded at the same places on both, from sums in another order.
TEST_F(TrainStepOnGpu, ComputesWhatTheCpuComputes) {
    for (ComputeType const type : {ComputeType::kFloat, ComputeType::kHalf, ComputeType::kBFloat16}) {
        double const tolerance = type == ComputeType::kFloat ? 1e-4 : 0.02;
        for (std::int64_t const num_chunks : {1, 2}) {
            Replica on_gpu({.num_chunks = num_chunks, .device = gpu_, .type = type}, self_);
            Replica on_cpu({.num_chunks = num_chunks, .type = type}, self_);
            for (std::int64_t step = 0; step < 2; ++step) {
                StepResult const mine = on_gpu.run(step);
                StepResult const expected = on_cpu.run(step);
                EXPECT_NEAR(mine.loss.item<double>() / expected.loss.item<double>(), 1.0, tolerance) << name_of(type);
                EXPECT_NEAR(mine.outcome.read().grad_norm / expected.outcome.read().grad_norm, 1.0, 5 * tolerance)
                    << name_of(type);
            }
        }
    }
}
#endif

TEST_F(TrainStepTest, RecomputedLayersGiveTheSameBits) {
    Replica kept({}, ranks_);
    Replica recomputed({.recompute = Recompute::kLayers}, ranks_);
    for (std::int64_t step = 0; step < 2; ++step) {
        EXPECT_TRUE(kept.run(step).loss.equal(recomputed.run(step).loss));
    }
    for (std::size_t i = 0; i < kept.weights().size(); ++i) {
        EXPECT_TRUE(kept.weights()[i].tensor.equal(recomputed.weights()[i].tensor)) << kept.weights()[i].name;
    }
}

}  // namespace
}  // namespace ctclip
