#include "optim/gradient_norm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "optim/golden.hpp"

namespace ctclip {
namespace {

std::vector<at::Tensor> tensors_of(Golden const& golden, std::string const& prefix, std::size_t count) {
    std::vector<at::Tensor> tensors;
    for (std::size_t i = 0; i < count; ++i) {
        tensors.push_back(golden.tensor(prefix + std::to_string(i)));
    }
    return tensors;
}

/// torch's float32 norm overflows or underflows here, and its result is not the one to have.
std::set<std::string> const kBetterThanTorch{"clip_overflow", "clip_overflow_many", "clip_underflow",
                                             "clip_denormal"};

TEST(GradientNorm, ClipsAsTorchDoes) {
    nlohmann::json const index = golden_json("clip_index.json");
    ASSERT_GE(index.size(), 18U);
    for (nlohmann::json const& entry : index) {
        std::string const name = entry["name"];
        if (kBetterThanTorch.contains(name)) {
            continue;  // the next test
        }
        Golden const golden(name + ".safetensors");
        std::size_t const count = entry["tensors"].size();
        std::vector<at::Tensor> const gradients = tensors_of(golden, "in", count);
        std::vector<at::Tensor> const expected = tensors_of(golden, "out", count);

        at::Tensor const norm = global_norm(norm_of_each(gradients));
        scale_gradients(gradients, clip_coefficient(norm, entry["max_norm"]));

        bool const is_finite = !entry["total_norm_float64"].is_null();
        double const expected_norm = golden_number(entry[is_finite ? "total_norm_float64" : "total_norm"]);
        EXPECT_LE(max_relative_difference(norm, at::scalar_tensor(expected_norm, at::kDouble)), 1e-6) << name;
        // torch's own float32 sum over 262,144 equal values is 3.5e-5 off.
        double const tolerance = name == "clip_constant" ? 1e-4 : 1e-6;
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_LE(max_relative_difference(gradients[i], expected[i]), tolerance)
                << name << " tensor " << i;
        }
    }
}

TEST(GradientNorm, ClipsWhereTheSquaresOverflowOrUnderflowFloat32) {
    nlohmann::json const index = golden_json("clip_index.json");
    std::size_t num_checked = 0;
    for (nlohmann::json const& entry : index) {
        std::string const name = entry["name"];
        if (!kBetterThanTorch.contains(name)) {
            continue;
        }
        ++num_checked;
        Golden const golden(name + ".safetensors");
        std::vector<at::Tensor> const gradients = tensors_of(golden, "in", entry["tensors"].size());
        double const true_norm = entry["total_norm_float64"];

        at::Tensor const norm = global_norm(norm_of_each(gradients));
        scale_gradients(gradients, clip_coefficient(norm, entry["max_norm"]));

        EXPECT_NEAR(norm.item<double>() / true_norm, 1.0, 1e-6) << name;
        double const clipped_norm = std::min(true_norm, entry["max_norm"].get<double>());
        EXPECT_NEAR(global_norm(norm_of_each(gradients)).item<double>() / clipped_norm, 1.0, 1e-5) << name;
    }
    EXPECT_GE(num_checked, 3U);
}

TEST(GradientNorm, SumsManyEqualValuesWithoutDrift) {
    std::vector<at::Tensor> const gradients{at::full({512, 512}, 1e-3F)};

    EXPECT_NEAR(global_norm(norm_of_each(gradients)).item<double>() / (512.0 * static_cast<double>(1e-3F)), 1.0, 1e-12);
}

TEST(GradientNorm, IsInTheFormOfTheGradientsType) {
    std::vector<at::Tensor> const gradients{at::full({3}, 3.0, at::kDouble), at::full({}, 4.0, at::kDouble)};

    at::Tensor const norm = global_norm(norm_of_each(gradients));
    scale_gradients(gradients, clip_coefficient(norm, 1.0));

    EXPECT_DOUBLE_EQ(norm.item<double>(), std::sqrt(43.0));
    EXPECT_DOUBLE_EQ(gradients[1].item<double>(), 4.0 * (1.0 / (std::sqrt(43.0) + 1e-6)));
}

}  // namespace
}  // namespace ctclip
