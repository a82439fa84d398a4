#include "optim/optimizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.hpp"
#include "optim/golden.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::string> const kNames{"w", "b", "temperature"};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Optimizer, WholeStepsFollowTheReference) {
    nlohmann::json const index = golden_json("full_step.json");
    Golden const golden("full_step.safetensors");
    std::string const variant = "scheduler_only_after_update";
    OptimizerOptions const options{
        .loss_scaler = {.initial = index["init_scale"], .growth_interval = index["growth_interval"]},
        .lr_schedule = {.base_lr = index["lr"],
                        .warmup_steps = index["warmup_steps"],
                        .total_steps = index["total_steps"],
                        .min_lr_ratio = index["min_lr_ratio"]},
        .adamw = {.beta1 = index["betas"][0],
                  .beta2 = index["betas"][1],
                  .eps = index["eps"],
                  .weight_decay = index["weight_decay"]},
        .max_grad_norm = index["clip"]};
    NamedTensors parameters;
    for (std::string const& name : kNames) {
        parameters.push_back({name, golden.tensor(name + ".init")});
    }
    Optimizer optimizer(parameters, options, 60);
    ASSERT_EQ(index[variant].size(), 60U);

    for (nlohmann::json const& row : index[variant]) {
        std::int64_t const step = row["step"];
        std::vector<at::Tensor> gradients;
        for (std::string const& name : kNames) {
            at::Tensor const true_gradient = golden.tensor(name + ".true_grad")[step];
            gradients.push_back(optimizer.scaled(true_gradient).to(at::kHalf).to(at::kFloat).contiguous());
        }

        StepReport const report = optimizer.step(gradients).read();

        EXPECT_EQ(report.is_skipped, row["found_inf"] == 1) << "step " << step;
        EXPECT_EQ(report.loss_scale, row["scale"]) << "step " << step;
        EXPECT_EQ(report.next_loss_scale, row["scale_after"]) << "step " << step;
        EXPECT_EQ(report.growth_tracker, row["tracker_after"]) << "step " << step;
        EXPECT_EQ(report.num_taken_steps, row["optimizer_steps"]) << "step " << step;
        double const lr = row["lr"];
        EXPECT_NEAR(report.lr, lr, 1e-14 * lr) << "step " << step;
        at::Tensor const norm = at::scalar_tensor(report.grad_norm, at::kDouble);
        EXPECT_LE(
            max_relative_difference(norm, at::scalar_tensor(golden_number(row["total_norm"]), at::kDouble)),
            1e-6)
            << "step " << step;
        for (auto const& [name, tensor] : optimizer.parameters()) {
            EXPECT_LE(max_difference(tensor, golden.tensor(name + "." + variant + ".param")[step]), 1e-7)
                << name << " step " << step;
        }
    }
}

/// Three micro-batches of 4 with a third of the loss each are the full batch (golden/optimizer,
/// Accumulation).
void expect_accumulation(at::ScalarType type, std::string const& tag, double tolerance) {
    Golden const golden("accumulate.safetensors");
    at::Tensor const weight = golden.tensor("W").to(type).requires_grad_(true);
    at::Tensor const bias = golden.tensor("b").to(type).requires_grad_(true);
    at::Tensor const x = golden.tensor("x").to(type);
    at::Tensor const y = golden.tensor("y").to(type);
    OptimizerOptions const options{
        .loss_scaler = {.scaling = LossScaling::kNone},
        .lr_schedule = {.kind = LrScheduleKind::kConstant, .base_lr = 1e-3, .warmup_steps = 0},
        .adamw = {.weight_decay = 0.01},
        .max_grad_norm = 0.5};
    Optimizer optimizer({{"W", weight}, {"b", bias}}, options, 1);

    for (std::int64_t i = 0; i < 3; ++i) {
        at::Tensor const output = x.slice(0, 4 * i, 4 * i + 4).matmul(weight.t()) + bias;
        at::Tensor const loss = at::mse_loss(output, y.slice(0, 4 * i, 4 * i + 4)) / 3.0;
        optimizer.scaled(loss).backward();
    }
    EXPECT_LE(max_difference(weight.grad(), golden.tensor("mse." + tag + ".full.grad_W")), tolerance);
    EXPECT_LE(max_difference(bias.grad(), golden.tensor("mse." + tag + ".full.grad_b")), tolerance);
    optimizer.step({weight.grad(), bias.grad()});

    EXPECT_LE(max_difference(weight, golden.tensor("mse." + tag + ".full.new_W")), tolerance);
    EXPECT_LE(max_difference(bias, golden.tensor("mse." + tag + ".full.new_b")), tolerance);
}

TEST(Optimizer, AccumulatedMicroBatchesEqualTheFullBatch) {
    expect_accumulation(at::kDouble, "f64", 1e-14);
    expect_accumulation(at::kFloat, "f32", 3e-7);
}

OptimizerOptions constant_rate() {
    return {.loss_scaler = {.initial = 1024.0, .max_consecutive_skips = 3},
            .lr_schedule = {.kind = LrScheduleKind::kConstant, .base_lr = 0.1, .warmup_steps = 0},
            .adamw = {}};
}

NamedTensors two_parameters() {
    return {{"a.weight", at::ones({2, 2})}, {"a.bias", at::zeros({3})}};
}

std::vector<at::Tensor> gradients_of(float weight, float bias) {
    return {at::full({2, 2}, weight), at::full({3}, bias)};
}

TEST(Optimizer, ASkippedStepChangesNothingButTheScale) {
    Optimizer optimizer(two_parameters(), constant_rate(), 10);
    optimizer.step(gradients_of(64.0F, 128.0F));
    OptimizerState const before = optimizer.state();
    std::vector<at::Tensor> copies;
    for (auto const& list : {optimizer.parameters(), before.adamw.exp_avg, before.adamw.exp_avg_sq}) {
        for (auto const& [name, tensor] : list) {
            copies.push_back(tensor.clone());
        }
    }

    for (float const bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<at::Tensor> const gradients = gradients_of(64.0F, 128.0F);
        gradients[1][1] = bad;
        StepReport const report = optimizer.step(gradients).read();
        EXPECT_TRUE(report.is_skipped);
        EXPECT_EQ(report.next_loss_scale, report.loss_scale / 2);
    }

    OptimizerState const after = optimizer.state();
    std::size_t i = 0;
    for (auto const& list : {optimizer.parameters(), after.adamw.exp_avg, after.adamw.exp_avg_sq}) {
        for (auto const& [name, tensor] : list) {
            EXPECT_TRUE(tensor.equal(copies[i++])) << name;
        }
    }
    EXPECT_EQ(after.adamw.num_steps, before.adamw.num_steps);
    EXPECT_EQ(after.loss_scaler.num_skipped_steps, 3);
    EXPECT_EQ(after.loss_scaler.scale, 128.0);
}

TEST(Optimizer, PowerOfTwoScalesGiveIdenticalUpdates) {
    std::vector<at::Tensor> results;
    for (double const scale : {1.0, 256.0, 65536.0}) {
        OptimizerOptions options = constant_rate();
        options.loss_scaler.initial = scale;
        Optimizer optimizer(two_parameters(), options, 4);
        for (int step = 0; step < 4; ++step) {
            float const base = 0.3F + static_cast<float>(step);
            std::vector<at::Tensor> const gradients = gradients_of(base, -0.7F);
            optimizer.step({optimizer.scaled(gradients[0]), optimizer.scaled(gradients[1])});
        }
        results.push_back(
            at::cat({optimizer.parameters()[0].tensor.flatten(), optimizer.parameters()[1].tensor}));
    }

    EXPECT_TRUE(results[0].equal(results[1]));
    EXPECT_TRUE(results[0].equal(results[2]));
}

TEST(Optimizer, OutcomesMayBeReadLater) {
    Optimizer optimizer(two_parameters(), constant_rate(), 10);

    StepOutcome const first = optimizer.step(gradients_of(kInfinity, 0.0F));
    StepOutcome const second = optimizer.step(gradients_of(0.0F, 512.0F));

    EXPECT_EQ(first.skipped().item<double>(), 1.0);
    EXPECT_EQ(second.skipped().item<double>(), 0.0);
    EXPECT_TRUE(first.read().is_skipped);
    EXPECT_EQ(first.read().num_consecutive_skips, 1);
    EXPECT_FALSE(second.read().is_skipped);
    EXPECT_EQ(second.read().loss_scale, 512.0);
    EXPECT_DOUBLE_EQ(second.read().grad_norm, std::sqrt(3.0));
}

TEST(Optimizer, ANormThatIsNotANumberHasNoSign) {
    Optimizer optimizer(two_parameters(), constant_rate(), 10);
    double const norm = optimizer.step(gradients_of(-std::nanf(""), 0.0F)).read().grad_norm;
    EXPECT_TRUE(std::isnan(norm));
    EXPECT_FALSE(std::signbit(norm)) << "logs would say -nan";
}

TEST(Optimizer, ResumesBitForBit) {
    auto const run = [](Optimizer& optimizer, int first, int last) {
        for (int step = first; step < last; ++step) {
            float const value = step % 4 == 2 ? kInfinity : 0.1F * static_cast<float>(step + 1);
            optimizer.step(gradients_of(value, -value));
        }
    };
    OptimizerOptions options = constant_rate();
    options.lr_schedule = {.base_lr = 0.1, .warmup_steps = 3, .total_steps = 20};
    options.loss_scaler.growth_interval = 2;
    Optimizer whole(two_parameters(), options, 20);
    run(whole, 0, 20);

    Optimizer first_half(two_parameters(), options, 20);
    run(first_half, 0, 10);
    NamedTensors copies;
    for (auto const& [name, tensor] : first_half.parameters()) {
        copies.push_back({name, tensor.clone()});
    }
    Optimizer second_half(copies, options, 20);
    second_half.restore(first_half.state());
    run(second_half, 10, 20);

    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_TRUE(second_half.parameters()[i].tensor.equal(whole.parameters()[i].tensor));
    }
    EXPECT_EQ(second_half.state().loss_scaler.scale, whole.state().loss_scaler.scale);
    EXPECT_EQ(second_half.state().loss_scaler.num_skipped_steps, whole.state().loss_scaler.num_skipped_steps);
}

TEST(Optimizer, TellsByParameterWhichGradientWasNotFinite) {
    Optimizer optimizer(two_parameters(), constant_rate(), 10);
    std::vector<at::Tensor> const gradients = gradients_of(1.0F, 1.0F);
    gradients[1][2] = kInfinity;

    StepOutcome const outcome = optimizer.step(gradients);

    EXPECT_TRUE(outcome.read().is_skipped);
    EXPECT_TRUE(outcome.gradient_norms()[0].isfinite().item<bool>());
    EXPECT_FALSE(outcome.gradient_norms()[1].isfinite().item<bool>());
}

TEST(Optimizer, NamesAllThatReplicasMustShare) {
    Optimizer const optimizer(two_parameters(), constant_rate(), 10);
    std::vector<std::string> names;
    for (NamedTensor const& entry : optimizer.replicated()) {
        names.push_back(entry.name);
    }
    EXPECT_THAT(names, testing::IsSupersetOf({"a.bias", "first moment of a.bias", "second moment of a.bias",
                                              "the loss scale"}));
}

TEST(Optimizer, StepsOnTheMetaDevice) {
    at::Tensor const weight = at::empty({4, 4}, at::device(at::kMeta));
    Optimizer optimizer({{"w", weight}}, constant_rate(), 10);

    optimizer.step({at::empty({4, 4}, at::device(at::kMeta))});

    EXPECT_THAT(
        [&] {
            optimizer.step({at::empty({4, 3}, at::device(at::kMeta))});
        },
        ThrowsMessage<Error>(HasSubstr("gradient of w does not fit")));
}

}  // namespace
}  // namespace ctclip
