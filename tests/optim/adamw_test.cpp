#include "optim/adamw.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.hpp"
#include "optim/golden.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::string> const kNames{"w", "conv", "bias", "temperature", "row"};

at::Tensor not_skipped() {
    return at::zeros({});
}
at::Tensor skipped() {
    return at::ones({});
}
at::Tensor rate(double lr) {
    return at::scalar_tensor(lr, at::kDouble);
}

struct GoldenRun {
    nlohmann::json index;
    Golden data;
    at::ScalarType type;

    /// Decay of every tensor is not offered: a row of its elements is decayed as a matrix.
    at::Tensor shaped(at::Tensor const& tensor) const {
        at::Tensor const typed = tensor.to(type);
        return index["decay_groups"] == "all parameters" ? typed.reshape({1, -1}) : typed;
    }

    NamedTensors parameters() const {
        NamedTensors parameters;
        for (std::string const& name : kNames) {
            parameters.push_back({name, shaped(data.tensor(name + ".init")).contiguous()});
        }
        return parameters;
    }

    std::vector<at::Tensor> gradients(std::int64_t step) const {
        std::vector<at::Tensor> gradients;
        for (std::string const& name : kNames) {
            gradients.push_back(shaped(data.tensor(name + ".grad")[step]).contiguous());
        }
        return gradients;
    }

    double lr(std::int64_t step) const {
        return index["lr_per_step"].is_null()
                   ? index["lr"].get<double>()
                   : index["lr_per_step"][static_cast<std::size_t>(step)].get<double>();
    }

    AdamWOptions options() const {
        return {.beta1 = index["betas"][0],
                .beta2 = index["betas"][1],
                .eps = index["eps"],
                .weight_decay = index["weight_decay"]};
    }
};

/// Largest moment difference in units of its tolerance: relative, or a part of the tensor's largest.
double moment_error(at::Tensor const& moment, at::Tensor const& expected, double relative,
                    double of_largest) {
    at::Tensor const x = moment.to(at::kDouble).flatten();
    at::Tensor const y = expected.to(at::kDouble).flatten();
    at::Tensor const finite = at::where(y.isfinite(), y.abs(), 0.0);
    at::Tensor const tolerance = at::maximum(relative * y.abs(), of_largest * finite.max());
    at::Tensor const error = at::where(x.eq(y), 0.0, (x - y).abs() / tolerance);
    return error.nan_to_num(INFINITY).max().item<double>();
}

void expect_run(GoldenRun const& run, std::string const& variant, double parameter_tolerance,
                double moment_relative, double moment_of_largest) {
    std::string const name = run.index["name"];
    AdamW adamw(run.parameters(), run.options());
    for (std::int64_t step = 0; step < run.index["steps"].get<std::int64_t>(); ++step) {
        adamw.step(run.gradients(step), rate(run.lr(step)), not_skipped());
        for (auto const& [parameter, tensor] : adamw.parameters()) {
            at::Tensor const expected =
                run.shaped(run.data.tensor(parameter + "." + variant + ".param")[step]);
            ASSERT_LE(max_difference(tensor, expected), parameter_tolerance)
                << name << " " << variant << " " << parameter << " step " << step;
        }
    }
    AdamWState const state = adamw.state();
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        std::string const prefix = kNames[i] + "." + variant;
        EXPECT_LE(moment_error(state.exp_avg[i].tensor, run.data.tensor(prefix + ".exp_avg"), moment_relative,
                               moment_of_largest),
                  1.0)
            << name << " " << prefix;
        EXPECT_LE(moment_error(state.exp_avg_sq[i].tensor, run.data.tensor(prefix + ".exp_avg_sq"),
                               moment_relative, moment_of_largest),
                  1.0)
            << name << " " << prefix;
    }
    EXPECT_EQ(state.num_steps, run.index["steps"]);
}

TEST(AdamW, FollowsTorchInFloat32) {
    nlohmann::json const index = golden_json("adamw_index.json");
    ASSERT_EQ(index.size(), 15U);
    for (nlohmann::json const& entry : index) {
        GoldenRun const run{entry, Golden(entry["name"].get<std::string>() + ".safetensors"), at::kFloat};
        expect_run(run, "f32_loop", 3e-7, 1e-4, 1e-6);
    }
}

TEST(AdamW, FollowsTorchInFloat64) {
    for (nlohmann::json const& entry : golden_json("adamw_index.json")) {
        GoldenRun const run{entry, Golden(entry["name"].get<std::string>() + ".safetensors"), at::kDouble};
        expect_run(run, "f64_loop", 1e-15, 1e-12, 0.0);
    }
}

TEST(AdamW, ASkippedStepChangesNothing) {
    Golden const golden("adamw_found_inf.safetensors");
    nlohmann::json const index = golden_json("adamw_found_inf.json");
    // The reference decays its one-dimensional parameter, so here it is a row.
    AdamW adamw({{"p", golden.tensor("init").reshape({1, -1})}}, {.beta1 = index["betas"][0],
                                                                  .beta2 = index["betas"][1],
                                                                  .eps = index["eps"],
                                                                  .weight_decay = index["weight_decay"]});
    ASSERT_EQ(index["rows"].size(), 6U);
    for (nlohmann::json const& row : index["rows"]) {
        std::string const step = std::to_string(row["step_index"].get<int>());
        bool const is_skipped = row["found_inf"] == 1;
        at::Tensor const gradient =
            golden.tensor((is_skipped ? "grad" : "grad_after") + step).reshape({1, -1});

        adamw.step({gradient}, rate(index["lr"]), is_skipped ? skipped() : not_skipped());

        AdamWState const state = adamw.state();
        EXPECT_LE(max_difference(adamw.parameters()[0].tensor.flatten(), golden.tensor("param" + step)),
                  3e-7);
        EXPECT_LE(max_relative_difference(state.exp_avg[0].tensor.flatten(), golden.tensor("exp_avg" + step)),
                  1e-6);
        EXPECT_LE(
            max_relative_difference(state.exp_avg_sq[0].tensor.flatten(), golden.tensor("exp_avg_sq" + step)),
            1e-6);
        EXPECT_EQ(static_cast<double>(state.num_steps), row["optimizer_step_after"].get<double>());
    }
}

NamedTensors two_parameters() {
    return {{"a.weight", at::ones({2, 2})}, {"a.bias", at::zeros({2})}};
}

TEST(AdamW, StateIsKeyedByNameNotByOrder) {
    AdamW adamw(two_parameters(), {});
    std::vector<at::Tensor> const gradients{at::full({2, 2}, 0.5F), at::full({2}, 0.25F)};
    adamw.step(gradients, rate(0.1), not_skipped());
    AdamWState state = adamw.state();
    std::swap(state.exp_avg[0], state.exp_avg[1]);

    AdamW resumed({{"a.weight", adamw.parameters()[0].tensor.clone()},
                   {"a.bias", adamw.parameters()[1].tensor.clone()}},
                  {});
    resumed.restore(state);
    adamw.step(gradients, rate(0.1), not_skipped());
    resumed.step(gradients, rate(0.1), not_skipped());

    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_TRUE(resumed.parameters()[i].tensor.equal(adamw.parameters()[i].tensor));
    }
    EXPECT_EQ(resumed.state().num_steps, 2);
}

TEST(AdamW, RefusesAStateOfAnotherModelAndKeepsItsOwn) {
    AdamW adamw(two_parameters(), {});
    AdamWState const good = adamw.state();

    AdamWState missing = good;
    missing.exp_avg.pop_back();
    EXPECT_THAT([&] { adamw.restore(missing); },
                ThrowsMessage<Error>(HasSubstr("no exp_avg of parameter a.bias")));

    AdamWState unknown = good;
    unknown.exp_avg_sq.push_back({"b", at::zeros({2})});
    EXPECT_THAT([&] { adamw.restore(unknown); },
                ThrowsMessage<Error>(HasSubstr("exp_avg_sq of b, which this model")));

    AdamWState twice = good;
    twice.exp_avg.push_back(twice.exp_avg[0]);
    EXPECT_THAT([&] { adamw.restore(twice); }, ThrowsMessage<Error>(HasSubstr("a.weight is there twice")));

    AdamWState misshapen = good;
    misshapen.exp_avg[0].tensor = at::ones({4});
    EXPECT_THAT(
        [&] { adamw.restore(misshapen); },
        ThrowsMessage<Error>(HasSubstr("exp_avg of a.weight has shape [4], but the parameter has [2, 2]")));
    EXPECT_EQ(adamw.state().exp_avg[0].tensor.sum().item<float>(), 0.0F);
}

TEST(AdamW, RefusesGradientsThatDoNotFit) {
    AdamW adamw(two_parameters(), {});

    EXPECT_THAT(
        [&] {
            adamw.step({at::ones({2, 2})}, rate(0.1), not_skipped());
        },
        ThrowsMessage<Error>(HasSubstr("1 gradients for 2 parameters")));
    EXPECT_THAT(
        [&] {
            adamw.step({at::ones({2, 2}), at::ones({2}, at::kDouble)}, rate(0.1), not_skipped());
        },
        ThrowsMessage<Error>(HasSubstr("gradient of a.bias does not fit")));
    EXPECT_THAT(
        [&] {
            adamw.step({at::ones({2, 2}), at::ones({3})}, rate(0.1), not_skipped());
        },
        ThrowsMessage<Error>(HasSubstr("gradient of a.bias does not fit")));
}

TEST(AdamW, RefusesParametersItCannotUpdate) {
    EXPECT_THAT([] { AdamW({}, {}); }, ThrowsMessage<Error>(HasSubstr("no parameters")));
    EXPECT_THAT(
        [] {
            AdamW({{"a", at::ones({2})}, {"a", at::ones({2})}}, {});
        },
        ThrowsMessage<Error>(HasSubstr("two parameters are named a")));
    EXPECT_THAT(
        [] {
            AdamW({{"a", at::ones({2, 3}).t()}}, {});
        },
        ThrowsMessage<Error>(HasSubstr("not a contiguous")));
    EXPECT_THAT(
        [] {
            AdamW({{"a", at::ones({2})}, {"b", at::ones({2}, at::kDouble)}}, {});
        },
        ThrowsMessage<Error>(HasSubstr("parameter b is Double on cpu, but a is Float on cpu")));
    EXPECT_THAT([] { AdamW(two_parameters(), {.beta2 = 1.0}); },
                ThrowsMessage<Error>(HasSubstr("betas are 0.9 and 1")));
}

}  // namespace
}  // namespace ctclip
