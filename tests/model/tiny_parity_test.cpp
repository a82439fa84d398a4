// The whole model against the Python reference: forward, every gradient, the codebook, three optimizer steps.
// Tolerances: golden/model/README.md.
#include <ATen/Context.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <optional>

#include "model/golden_run.hpp"

namespace ctclip {
namespace {

/// Names of the stages as the golden files have them, and how far a float build may be off.
std::map<std::string, double> const kFloatTolerances = {
    {"patch_embedding", 1e-5},
    {"spatial_position_bias", 3e-6},
    {"spatial.layer", 8e-5},
    {"spatial.out", 8e-5},
    {"temporal.layer", 8e-5},
    {"temporal.out", 8e-5},
    {"pre_vq", 4e-5},
    {"quantised", 0.0},
    {"vq_indices", 0.0},
    {"pooled_flat", 1e-5},
    {"image_latent_unnormalised", 5e-6},
    {"text_latent_unnormalised", 5e-6},
    {"image_latents", 1.5e-6},
    {"text_latents", 1.5e-6},
    {"text.embeddings", 1e-5},
    {"text.layer", 1e-5},
    {"text_cls", 1e-5},
    {"logits", 4e-6},
    {"temperature_exp", 1e-6},
};

double float_tolerance(std::string const& stage) {
    for (auto const& [prefix, tolerance] : kFloatTolerances) {
        if (stage == prefix || (prefix.ends_with(".layer") && stage.starts_with(prefix))) {
            return tolerance;
        }
    }
    throw std::out_of_range("no tolerance for " + stage);
}

struct Case {
    char const* model;
    GoldenSettings settings;

    std::string name() const {
        return fmt::format("{}_{}{}{}", model, name_of(settings.type),
                           settings.recompute == Recompute::kLayers ? "_recomputed" : "",
                           settings.device.is_cuda() ? "_cuda" : "");
    }
};

void PrintTo(Case const& value, std::ostream* stream) {
    *stream << value.name();
}

class TinyParity : public testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        if (GetParam().settings.device.is_cuda() && !at::hasCUDA()) {
            GTEST_SKIP() << "no GPU on this machine";
        }
        run_.emplace(GetParam().model, GetParam().settings);
    }

    bool is_double() const { return GetParam().settings.type == ComputeType::kDouble; }
    std::string file(std::string const& part, bool fp64) const {
        return std::string(GetParam().model) + "_" + part +
               (fp64 ? "_fp64.safetensors" : "_fp32.safetensors");
    }

    /// A layer that is computed again shows its output alone.
    bool is_hidden(std::string const& stage) const {
        bool const is_within_layer = stage.ends_with(".after_peg") || stage.ends_with(".after_attention");
        return is_within_layer && GetParam().settings.recompute == Recompute::kLayers;
    }

    std::optional<GoldenRun> run_;
};

TEST_P(TinyParity, EveryStageOfTheForwardPassAgrees) {
    double const loss = run_->forward(Mode::kEvaluate).item<double>();

    int num_compared = 0;
    for (bool const fp64 : {true, false}) {  // the fp32 files hold a few more stages
        if ((is_double() && !fp64) || !has_golden(file("eval", fp64))) {
            continue;
        }
        for (auto const& [name, array] : golden_arrays(file("eval", fp64))) {
            if (name == "loss" || name == "inference_logits" || name == "vq_margin" ||
                name == "vq_second_index" || is_hidden(name)) {
                continue;
            }
            double const tolerance = is_double() ? 1e-11 : float_tolerance(name);
            EXPECT_LE(max_abs_difference(run_->stage(name), golden_tensor({{name, array}}, name)), tolerance)
                << name;
            ++num_compared;
        }
    }
    EXPECT_GE(num_compared, 15);
    NamedArrays const golden = golden_arrays(file("eval", true));
    EXPECT_NEAR(loss, golden_tensor(golden, "loss").item<double>(), is_double() ? 1e-11 : 3e-6);
    EXPECT_LE(max_abs_difference(run_->stage("logits").t(), golden_tensor(golden, "inference_logits")),
              is_double() ? 1e-11 : 4e-6);
}

TEST_P(TinyParity, EveryGradientAndTheCodebookAgree) {
    NamedArrays const golden = golden_arrays(file("train", true));
    nlohmann::json const expected = run_->json().at("train").at("fp64");

    at::Tensor const loss = run_->forward(Mode::kTrain);
    loss.backward();

    EXPECT_NEAR(loss.item<double>(), expected.at("loss").get<double>(), is_double() ? 1e-11 : 3e-6);
    double squares = 0.0;
    for (auto const& [name, gradient] : run_->take_gradients()) {
        bool const has_gradient = golden.contains("grad." + name);  // null_kv has no element, others no use
        ASSERT_EQ(gradient.defined(), has_gradient) << name;
        if (has_gradient && !run_->is_zero_by_symmetry(name)) {
            EXPECT_EQ(gradient.scalar_type(), run_->policy().master()) << name;
            EXPECT_LE(relative_l2(gradient, golden_tensor(golden, "grad." + name)),
                      is_double() ? 1e-11 : 2e-5)
                << name;
        }
        squares += has_gradient ? std::pow(gradient.to(at::kDouble).norm().item<double>(), 2) : 0.0;
    }
    double const norm = expected.at("total_grad_norm").get<double>();
    EXPECT_NEAR(std::sqrt(squares) / norm, 1.0, is_double() ? 1e-11 : 1.5e-5);
    for (std::string const buffer : {"embed", "cluster_size"}) {
        std::string const name = "visual_transformer.vq._codebook." + buffer;
        EXPECT_LE(
            max_abs_difference(run_->parameters().at(name), golden_tensor(golden, "after_forward." + name)),
            is_double() ? 1e-11 : (buffer == "embed" ? 1e-6 : 5e-6));
    }
}

TEST_P(TinyParity, DecoupledLossAgrees) {
    nlohmann::json const expected = run_->json().at("train").at("fp64");

    at::Tensor const loss = run_->forward(Mode::kEvaluate, {.denominator = Denominator::kNegativesOnly});
    loss.backward();

    EXPECT_NEAR(loss.item<double>(), expected.at("decoupled.loss").get<double>(), is_double() ? 1e-11 : 3e-6);
    for (auto const& [name, gradient] : run_->take_gradients()) {
        nlohmann::json const& expected_norm = expected.at("decoupled.grad_norms").at(name);
        if (gradient.defined() && !run_->is_zero_by_symmetry(name)) {
            double const norm = gradient.to(at::kDouble).norm().item<double>();
            EXPECT_NEAR(norm / expected_norm.get<double>(), 1.0, is_double() ? 1e-11 : 5e-5) << name;
        }
    }
}

/// The reference's optimizer, one parameter: clipped gradient, decoupled decay for two dimensions or more.
struct AdamState {
    at::Tensor exp_avg, exp_avg_sq;

    void step(at::Tensor parameter, at::Tensor const& gradient, int step_number) {
        constexpr double kLr = 1e-3;
        constexpr double kBeta1 = 0.9;
        constexpr double kBeta2 = 0.99;
        if (!exp_avg.defined()) {
            exp_avg = at::zeros_like(gradient);
            exp_avg_sq = at::zeros_like(gradient);
        }
        parameter.mul_(parameter.dim() >= 2 ? 1.0 - kLr * 0.01 : 1.0);
        exp_avg.lerp_(gradient, 1.0 - kBeta1);
        exp_avg_sq.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
        at::Tensor const denominator =
            (exp_avg_sq.sqrt() / std::sqrt(1.0 - std::pow(kBeta2, step_number))).add_(1e-8);
        parameter.addcdiv_(exp_avg, denominator, -kLr / (1.0 - std::pow(kBeta1, step_number)));
    }
};

class TinySteps : public TinyParity {};

TEST_P(TinySteps, ThreeOptimizerStepsAgree) {
    NamedArrays const golden = golden_arrays(file("steps", true));
    NamedArrays const start = golden_arrays(std::string(GetParam().model) + "_weights.safetensors");
    std::map<std::string, AdamState> states;

    for (int step = 1; step <= 3; ++step) {
        nlohmann::json const expected =
            run_->json().at("steps").at("fp64").at(static_cast<std::size_t>(step - 1));
        at::Tensor const loss = run_->forward(Mode::kTrain);
        loss.backward();
        EXPECT_NEAR(loss.item<double>(), expected.at("train_loss_before_step").get<double>(),
                    is_double() ? 1e-11 : 3e-6);
        std::string const prefix = "step" + std::to_string(step) + ".";
        if (golden.contains(prefix + "vq_indices")) {
            EXPECT_EQ(
                max_abs_difference(run_->stage("vq_indices"), golden_tensor(golden, prefix + "vq_indices")),
                0.0);
        }

        auto const gradients = run_->take_gradients();
        double squares = 0.0;
        for (auto const& [name, gradient] : gradients) {
            squares += gradient.defined() ? std::pow(gradient.to(at::kDouble).norm().item<double>(), 2) : 0.0;
        }
        double const clip = std::min(1.0, 0.5 / (std::sqrt(squares) + 1e-6));
        at::NoGradGuard const no_grad;
        for (auto const& [name, gradient] : gradients) {
            if (gradient.defined()) {
                states[name].step(run_->parameters().at(name), gradient * clip, step);
            }
        }
        // The repository holds the parameters after step 3, the complete golden data those after step 1 too.
        for (auto const& [key, array] : golden) {
            std::string const parameter_prefix = prefix + "param.";
            std::string const name =
                key.starts_with(parameter_prefix) ? key.substr(parameter_prefix.size()) : "";
            if (name.empty() || !gradients.at(name).defined() || run_->is_zero_by_symmetry(name)) {
                continue;
            }
            at::Tensor const initial = golden_tensor(start, name).to(at::kDouble);
            bool const is_noisy =
                name.find("spatial_rel_pos_bias") != std::string::npos || name.ends_with("to_out.weight");
            EXPECT_LE(relative_l2(run_->parameters().at(name).to(at::kCPU, at::kDouble) - initial,
                                  golden_tensor(golden, key) - initial),
                      is_double() ? 1e-9 : (is_noisy ? 5e-2 : 5e-3))
                << key;
        }
        EXPECT_NEAR(run_->forward(Mode::kEvaluate).item<double>(),
                    expected.at("eval_loss_after_step").get<double>(), is_double() ? 1e-11 : 3e-6);
    }
    std::string const embed = "visual_transformer.vq._codebook.embed";
    EXPECT_LE(max_abs_difference(run_->parameters().at(embed), golden_tensor(golden, "step3.buffer." + embed)),
              is_double() ? 1e-11 : 3e-5);
}

/// Both precisions, every lever on and off, and in builds for GPUs on one too.
std::vector<Case> cases_with(std::string const& part) {
    std::vector<at::Device> devices = {at::kCPU};
#if defined(CTCLIP_CUDA)
    devices.emplace_back(at::kCUDA, 0);
#endif
    std::vector<Case> cases;
    for (char const* const model : {"tiny_a", "tiny_b"}) {
        if (!has_golden(std::string(model) + "_" + part + "_fp64.safetensors")) {
            continue;
        }
        for (at::Device const device : devices) {
            for (ComputeType const type : {ComputeType::kFloat, ComputeType::kDouble}) {
                for (Recompute const recompute : {Recompute::kNone, Recompute::kLayers}) {
                    cases.push_back({model, {type, recompute, device}});
                }
            }
        }
    }
    return cases;
}

auto const kCaseName = [](testing::TestParamInfo<Case> const& test) {
    return test.param.name();
};
INSTANTIATE_TEST_SUITE_P(Golden, TinyParity, testing::ValuesIn(cases_with("train")), kCaseName);
INSTANTIATE_TEST_SUITE_P(Golden, TinySteps, testing::ValuesIn(cases_with("steps")), kCaseName);

}  // namespace
}  // namespace ctclip
