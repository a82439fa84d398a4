// A training step in every compute type on the CPU: it runs, its gradients land in float32 and are close to
// those of float32.
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include "model/golden.hpp"
#include "model/train_step_fixture.hpp"

namespace ctclip {
namespace {

StepInput tiny_input() {
    at::set_num_threads(1);
    at::manual_seed(3);
    at::Tensor const ids = at::randint(1, 50, {6, 12}, at::kLong);
    at::Tensor const lengths = at::tensor({12, 5, 7, 12, 1, 9});
    at::Tensor const mask = at::arange(12).unsqueeze(0).lt(lengths.unsqueeze(1)).to(at::kLong);
    return {at::rand({6, 1, 8, 16, 16}) * 2 - 1, {ids * mask, mask}};
}

/// One code only: the index that rounding picks in the quantiser cannot differ between compute types.
ModelOptions options_with_one_code() {
    ModelOptions options = tiny_model_options();
    options.image.codebook_size = 1;
    return options;
}

class MixedPrecision : public testing::TestWithParam<ComputeType> {
  protected:
    struct Run {
        ParameterSet parameters;
        double loss;
    };

    static Run run(ComputeType type, ModelOptions const& options, double loss_scale) {
        PrecisionPolicy const policy(type);
        ParameterSet parameters(options, at::kCPU, policy.master());
        parameters.initialise(1);
        at::Tensor const loss =
            run_step(parameters, ClipModel(options, parameters, policy), tiny_input(), loss_scale);
        return {std::move(parameters), loss.item<double>()};
    }

    double tolerance() const { return GetParam() == ComputeType::kHalf ? 1e-2 : 8e-2; }
};

TEST_P(MixedPrecision, LossAndGradientsAreCloseToFloat32) {
    ModelOptions const options = options_with_one_code();
    Run const exact = run(ComputeType::kFloat, options, 1.0);
    Run const mixed = run(GetParam(), options, 4096.0);

    EXPECT_NEAR(mixed.loss, exact.loss, tolerance());
    for (Parameter const* entry : exact.parameters.trained()) {
        at::Tensor const expected = entry->tensor.grad();
        at::Tensor const actual = mixed.parameters.at(entry->spec.name).grad();
        ASSERT_TRUE(actual.defined()) << entry->spec.name;
        EXPECT_EQ(actual.scalar_type(), at::kFloat) << entry->spec.name;
        EXPECT_TRUE(actual.isfinite().all().item<bool>()) << entry->spec.name;
        bool const is_zero_by_symmetry = entry->spec.name.ends_with("attention.self.key.bias") ||
                                         entry->spec.name.ends_with("spatial_rel_pos_bias.net.2.bias");
        if (!is_zero_by_symmetry && expected.norm().item<double>() > 0.0) {
            EXPECT_LE(relative_l2(actual, expected), tolerance()) << entry->spec.name;
        }
    }
}

TEST_P(MixedPrecision, TheTextEncoderIsCloseToFloat32) {
    ModelOptions const options = tiny_model_options();
    PrecisionPolicy const policy(GetParam());
    ParameterSet parameters(options, at::kCPU, policy.master());
    parameters.initialise(1);
    at::NoGradGuard const no_grad;
    TextBatch const text = tiny_input().text;
    at::Tensor const exact =
        ClipModel(options, parameters, PrecisionPolicy(ComputeType::kFloat)).encode_text(text);
    at::Tensor const mixed = ClipModel(options, parameters, policy).encode_text(text);
    EXPECT_EQ(mixed.scalar_type(), at::kFloat);
    EXPECT_GE((exact * mixed).sum(1).min().item<double>(), GetParam() == ComputeType::kHalf ? 0.9995 : 0.999);
}

TEST_P(MixedPrecision, WeightsStayInFloat32AndAreNotTouched) {
    Run const mixed = run(GetParam(), tiny_model_options(), 4096.0);
    ParameterSet fresh(tiny_model_options(), at::kCPU, at::kFloat);
    fresh.initialise(1);
    for (Parameter const* entry : mixed.parameters.trained()) {
        EXPECT_TRUE(at::equal(entry->tensor, fresh.at(entry->spec.name))) << entry->spec.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Types, MixedPrecision, testing::Values(ComputeType::kHalf, ComputeType::kBFloat16),
                         [](auto const& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace ctclip
