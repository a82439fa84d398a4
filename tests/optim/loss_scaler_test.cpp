#include "optim/loss_scaler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.hpp"
#include "optim/golden.hpp"
#include "optim/gradient_norm.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

at::Tensor found_inf(bool value) {
    return at::full({}, value ? 1.0F : 0.0F);
}

/// The rule of golden/optimizer/README.md, with >= for the interval and a minimum.
struct ScalarScaler {
    LossScalerOptions options;
    float scale;
    std::int64_t tracker = 0;

    void update(bool has_overflowed) {
        if (has_overflowed) {
            scale = static_cast<float>(static_cast<double>(scale) * options.backoff_factor);
            tracker = 0;
        } else if (++tracker >= options.growth_interval) {
            auto const grown = static_cast<float>(static_cast<double>(scale) * options.growth_factor);
            scale = std::isfinite(grown) ? grown : scale;
            tracker = 0;
        }
        scale = std::max(scale, static_cast<float>(options.minimum));
    }
};

LossScalerOptions options_of(nlohmann::json const& golden) {
    return {.initial = golden["init_scale"],
            .growth_factor = golden["growth_factor"],
            .backoff_factor = golden["backoff_factor"],
            .growth_interval = golden["growth_interval"],
            .minimum = 0.0};
}

void expect_trace(nlohmann::json const& golden) {
    std::string const name = golden["name"];
    Golden const trace(name + ".safetensors");
    LossScaler scaler(options_of(golden), at::kCPU);
    scaler.restore({.scale = golden["init_scale"].get<float>(), .growth_tracker = golden["initial_tracker"]});
    at::Tensor const overflows = trace.tensor("found_inf");
    at::Tensor const scale_before = trace.tensor("scale_before");
    at::Tensor const scale_after = trace.tensor("scale_after");
    at::Tensor const tracker_after = trace.tensor("tracker_after");
    std::int64_t num_skipped = 0;

    for (std::int64_t step = 0; step < overflows.numel(); ++step) {
        ASSERT_EQ(scaler.scale().item<float>(), scale_before[step].item<float>()) << name << " step " << step;
        bool const has_overflowed = overflows[step].item<bool>();
        std::string const key = std::to_string(step);
        if (golden["manual_update"].contains(key)) {
            LossScalerState state = scaler.state();
            state.scale = golden["manual_update"][key];
            scaler.restore(state);
        } else {
            scaler.update(found_inf(has_overflowed));
            num_skipped += has_overflowed ? 1 : 0;
        }
        LossScalerState const state = scaler.state();
        ASSERT_EQ(static_cast<float>(state.scale), scale_after[step].item<float>())
            << name << " step " << step;
        ASSERT_EQ(state.growth_tracker, tracker_after[step].item<std::int64_t>()) << name << " step " << step;
        ASSERT_EQ(state.num_skipped_steps, num_skipped) << name << " step " << step;
    }
}

TEST(LossScaler, FollowsEveryTraceOfTorchExactly) {
    nlohmann::json const index = golden_json("scaler_index.json");
    ASSERT_EQ(index.size(), 14U);
    for (nlohmann::json const& golden : index) {
        if (golden["name"] != "scaler_resume_smaller_interval") {  // differs on purpose: the next test
            expect_trace(golden);
        }
    }
}

TEST(LossScaler, GrowsAtTheNextGoodStepWhenTheRestoredTrackerIsBeyondTheInterval) {
    LossScaler scaler({.initial = 1024.0, .growth_interval = 5}, at::kCPU);

    scaler.restore({.scale = 1024.0, .growth_tracker = 12});
    scaler.update(found_inf(false));

    EXPECT_EQ(scaler.state().scale, 2048.0);
    EXPECT_EQ(scaler.state().growth_tracker, 0);
}

TEST(LossScaler, EqualsTheScalarRuleOnRandomSequences) {
    for (unsigned const seed : {1U, 2U, 3U}) {
        std::mt19937 random(seed);
        LossScalerOptions const options{.initial = 4096.0,
                                        .growth_factor = 1.0 + 0.5 * seed,
                                        .backoff_factor = 0.3 * seed,
                                        .growth_interval = static_cast<std::int64_t>(seed + 1),
                                        .minimum = 0.75};
        LossScaler scaler(options, at::kCPU);
        ScalarScaler reference{.options = options, .scale = 4096.0F};
        for (int step = 0; step < 500; ++step) {
            bool const has_overflowed = random() % 3 == 0;
            scaler.update(found_inf(has_overflowed));
            reference.update(has_overflowed);
            ASSERT_EQ(scaler.scale().item<float>(), reference.scale) << "seed " << seed << " step " << step;
            ASSERT_EQ(scaler.state().growth_tracker, reference.tracker)
                << "seed " << seed << " step " << step;
        }
    }
}

TEST(LossScaler, NeverFallsBelowTheMinimumAndCountsSkips) {
    LossScaler scaler({.initial = 4.0, .minimum = 1.0}, at::kCPU);

    for (int step = 0; step < 5; ++step) {
        scaler.update(found_inf(true));
    }

    EXPECT_EQ(scaler.state().scale, 1.0);
    EXPECT_EQ(scaler.state().num_consecutive_skips, 5);
    scaler.update(found_inf(false));
    EXPECT_EQ(scaler.state().num_consecutive_skips, 0);
    EXPECT_EQ(scaler.state().num_skipped_steps, 5);
}

TEST(LossScaler, WithoutScalingTheScaleStaysOneAndSkipsAreCounted) {
    LossScaler scaler({.scaling = LossScaling::kNone}, at::kCPU);

    scaler.update(found_inf(true));
    scaler.update(found_inf(false));

    EXPECT_EQ(scaler.state().scale, 1.0);
    EXPECT_EQ(scaler.state().num_skipped_steps, 1);
}

TEST(LossScaler, ScalesTheLossDifferentiably) {
    LossScaler const scaler({.initial = 8.0}, at::kCPU);
    at::Tensor const loss = at::full({}, 3.0F).requires_grad_(true);

    at::Tensor const scaled = scaler.scaled(loss);
    scaled.backward();

    EXPECT_EQ(scaled.item<float>(), 24.0F);
    EXPECT_EQ(loss.grad().item<float>(), 8.0F);
}

TEST(LossScaler, UnscalesAndFindsNonFiniteGradientsAsTorchDoes) {
    Golden const golden("unscale.safetensors");
    nlohmann::json const cases = golden_json("unscale.json");
    ASSERT_EQ(cases.size(), 10U);
    for (nlohmann::json const& entry : cases) {
        std::string const name = entry["name"];
        LossScaler scaler({.initial = entry["scale"], .minimum = 0.0}, at::kCPU);
        std::vector<at::Tensor> const gradients{golden.tensor(name + ".a.in"), golden.tensor(name + ".b.in")};

        bool const is_finite = global_norm(norm_of_each(gradients)).isfinite().item<bool>();
        scale_gradients(gradients, scaler.inverse_scale().to(at::kDouble));

        EXPECT_EQ(scaler.inverse_scale().item<float>(), entry["inv_scale"].get<float>()) << name;
        EXPECT_EQ(is_finite, entry["found_inf"] == 0.0) << name;
        // Subnormals must survive, so bits are compared, any NaN being as good as another.
        for (auto const& [gradient, part] :
             {std::pair(gradients[0], ".a.out"), std::pair(gradients[1], ".b.out")}) {
            at::Tensor const expected = golden.tensor(name + part);
            EXPECT_TRUE(gradient.isnan().equal(expected.isnan())) << name << part;
            EXPECT_TRUE(gradient.nan_to_num(0.0, INFINITY, -INFINITY)
                            .view(at::kInt)
                            .equal(expected.nan_to_num(0.0, INFINITY, -INFINITY).view(at::kInt)))
                << name << part;
        }
    }
}

TEST(LossScaler, RefusesImpossibleOptionsAndStates) {
    EXPECT_THAT([] { LossScaler({.growth_factor = 1.0}, at::kCPU); },
                ThrowsMessage<Error>(HasSubstr("growth_factor")));
    EXPECT_THAT([] { LossScaler({.backoff_factor = 1.0}, at::kCPU); },
                ThrowsMessage<Error>(HasSubstr("backoff_factor")));
    EXPECT_THAT([] { LossScaler({.growth_interval = 0}, at::kCPU); },
                ThrowsMessage<Error>(HasSubstr("growth_interval is 0")));
    EXPECT_THAT([] { LossScaler({.initial = 0.5, .minimum = 1.0}, at::kCPU); },
                ThrowsMessage<Error>(HasSubstr("minimum <= initial")));

    LossScaler scaler({}, at::kCPU);
    EXPECT_THAT([&] { scaler.restore({.scale = NAN}); },
                ThrowsMessage<Error>(HasSubstr("saved loss scale is nan")));
    EXPECT_THAT([&] { scaler.restore({.scale = 0.0}); },
                ThrowsMessage<Error>(HasSubstr("saved loss scale is 0")));
    EXPECT_THAT([&] { scaler.restore({.scale = 2.0, .growth_tracker = -1}); },
                ThrowsMessage<Error>(HasSubstr("negative counter")));
    EXPECT_EQ(scaler.state().scale, 65536.0);
}

}  // namespace
}  // namespace ctclip
