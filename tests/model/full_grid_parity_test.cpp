// The real CTViT on a volume of 240 x 480 x 480 voxels against the Python reference. A program of its own: it
// takes seconds on two free cores and 3 GB of memory.
#include <gmock/gmock.h>

#include "model/formula.hpp"
#include "model/golden.hpp"
#include "model/linear.hpp"
#include "model/vision_encoder.hpp"

namespace ctclip {
namespace {

TEST(FullGridParity, VisionEncoderAgreesOnEveryToken) {
    NamedArrays const golden = golden_arrays("real_layer_full.safetensors");
    at::NoGradGuard const no_grad;
    ModelOptions options;  // real image encoder, smallest text encoder
    options.text = {.vocab_size = 1,
                    .hidden_size = 1,
                    .num_layers = 1,
                    .num_heads = 1,
                    .intermediate_size = 1,
                    .max_positions = 1};
    options.dim_latent = 1;  // the real projection is made below
    PrecisionPolicy const policy(ComputeType::kFloat);
    ParameterSet parameters(options, at::kCPU, policy.master());
    fill_by_formula(parameters);
    VisionEncoder const encoder(options.image, parameters, policy);

    at::Tensor pre_vq;
    EncodedVolume const encoded = encoder.encode(
        formula_volume({1, 1, 240, 480, 480}), Mode::kEvaluate,
        [&](std::string const& stage, at::Tensor const& x) { pre_vq = stage == "pre_vq" ? x : pre_vq; });

    EXPECT_LE(max_abs_difference(pre_vq.index_select(0, golden_tensor(golden, "row_index")),
                                 golden_tensor(golden, "pre_vq_rows")),
              3e-5);
    EXPECT_LE(max_abs_difference(pre_vq.norm(2, {-1}), golden_tensor(golden, "pre_vq_row_norms")), 3e-4);
    at::Tensor const expected = golden_tensor(golden, "vq_indices").to(at::kLong);
    at::Tensor const second = golden_tensor(golden, "vq_second_index").to(at::kLong);
    at::Tensor const actual = encoded.indices[0];
    at::Tensor const is_close_call = golden_tensor(golden, "vq_margin").le(1e-5);
    EXPECT_TRUE(
        actual.eq(expected).logical_or(is_close_call.logical_and(actual.eq(second))).all().item<bool>());
    at::Tensor const tokens =
        parameters.at("visual_transformer.vq._codebook.embed")[0].index_select(0, expected.view({-1}));
    at::Tensor const pooled = tokens.view({1, 24, -1}).mean({1});
    at::Tensor const latent = l2_normalise(
        linear(pooled, formula_weights("to_visual_latent.weight", {512, 294912}), {}, policy, at::kFloat));
    EXPECT_LE(max_abs_difference(latent, golden_tensor(golden, "image_latent")), 4e-6);
}

}  // namespace
}  // namespace ctclip
