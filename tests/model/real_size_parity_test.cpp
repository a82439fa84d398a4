// Real layer sizes against the Python reference; weights and volumes are made by formula
// (golden/model/README.md).
#include <gmock/gmock.h>

#include "model/clip_model.hpp"
#include "model/formula.hpp"
#include "model/golden.hpp"
#include "model/linear.hpp"

namespace ctclip {
namespace {

/// The real CTViT with a small latent projection beside it, and the smallest text encoder.
ModelOptions real_vision(std::int64_t image_size) {
    ModelOptions options;
    options.image.image_height = image_size;
    options.image.image_width = image_size;
    options.text = {.vocab_size = 1,
                    .hidden_size = 1,
                    .num_layers = 1,
                    .num_heads = 1,
                    .intermediate_size = 1,
                    .max_positions = 1};
    return options;
}

ModelOptions real_text() {
    ModelOptions options;
    options.image = {.dim = 1,
                     .codebook_size = 1,
                     .image_height = 1,
                     .image_width = 1,
                     .patch_height = 1,
                     .patch_width = 1,
                     .temporal_patch_size = 1,
                     .spatial_depth = 1,
                     .temporal_depth = 1,
                     .dim_head = 1,
                     .heads = 1};
    options.text.dropout = 0.0;
    options.dim_latent = 1;
    return options;
}

/// The gradients named in `keys` against their norms and first elements.
void expect_gradients(ParameterSet const& parameters, nlohmann::json const& json, NamedArrays const& golden,
                      std::string const& type, double norm_tolerance, double first_tolerance,
                      bool first_is_relative) {
    std::vector<std::string> const keys = json.at("gradient_keys");
    at::Tensor const norms = golden_tensor(golden, type + ".grad_norms").to(at::kDouble);
    at::Tensor const firsts = golden_tensor(golden, type + ".grad_first8").to(at::kDouble);
    double const largest = norms.max().item<double>();
    for (std::size_t k = 0; k < keys.size(); ++k) {
        double const norm = norms[static_cast<std::int64_t>(k)].item<double>();
        bool const is_noise = norm < 1e-5 * largest;  // zero by symmetry: rounding in every implementation
        if (is_noise) {
            continue;
        }
        at::Tensor const gradient = parameters.at(keys[k]).grad().to(at::kDouble).reshape({-1});
        EXPECT_NEAR(gradient.norm().item<double>() / norm, 1.0, norm_tolerance) << keys[k];
        std::int64_t const count = std::min<std::int64_t>(8, gradient.numel());
        EXPECT_LE(max_abs_difference(gradient.narrow(0, 0, count),
                                     firsts[static_cast<std::int64_t>(k)].narrow(0, 0, count)),
                  first_tolerance * (first_is_relative ? norm : 1.0))
            << keys[k];
    }
}

TEST(RealSizeParity, VisionEncoderOnASmallGridAgreesWithGradients) {
    nlohmann::json const json = golden_json("real_layer_small.json");
    NamedArrays const golden = golden_arrays("real_layer_small.safetensors");
    ModelOptions const options = real_vision(120);
    PrecisionPolicy const policy(ComputeType::kFloat);
    ParameterSet parameters(options, at::kCPU, policy.master());
    fill_by_formula(parameters);
    VisionEncoder const encoder(options.image, parameters, policy);

    at::Tensor pre_vq;
    EncodedVolume const encoded = encoder.encode(
        formula_volume({1, 1, 40, 120, 120}), Mode::kEvaluate,
        [&](std::string const& stage, at::Tensor const& x) { pre_vq = stage == "pre_vq" ? x : pre_vq; });
    at::Tensor const cotangent = formula_numbers("cotangent", pre_vq.numel());
    at::Tensor const objective = (pre_vq.reshape({-1}) * cotangent.to(at::kFloat)).sum();
    objective.backward();

    EXPECT_LE(max_abs_difference(pre_vq, golden_tensor(golden, "fp64.pre_vq")), 3e-5);
    EXPECT_NEAR((pre_vq.detach().reshape({-1}).to(at::kDouble) * cotangent).sum().item<double>(),
                golden_tensor(golden, "fp64.objective").item<double>(), 1e-3);
    EXPECT_EQ(max_abs_difference(encoded.indices, golden_tensor(golden, "fp64.vq_indices")), 0.0);
    at::Tensor const pooled = encoded.tokens.mean({1}).flatten(1);
    EXPECT_LE(max_abs_difference(pooled, golden_tensor(golden, "fp64.pooled")), 1e-6);
    at::Tensor const latent = l2_normalise(
        linear(pooled, formula_weights("to_visual_latent.weight", {512, 18432}), {}, policy, at::kFloat));
    EXPECT_LE(max_abs_difference(latent, golden_tensor(golden, "fp64.image_latent")), 4e-6);
    expect_gradients(parameters, json, golden, "fp64", 2e-5, 1e-5, true);
}

TEST(RealSizeParity, BertAgreesWithGradientsOnUnequalLengths) {
    nlohmann::json const json = golden_json("bert_real.json");
    NamedArrays const golden = golden_arrays("bert_real.safetensors");
    ModelOptions const options = real_text();
    PrecisionPolicy const policy(ComputeType::kFloat);
    ParameterSet parameters(options, at::kCPU, policy.master());
    fill_by_formula(parameters);
    TextEncoder const encoder(options.text, parameters, policy);

    {  // rows of 1, 7, 128 and 512 tokens
        at::NoGradGuard const no_grad;
        std::vector<at::Tensor> hidden;
        at::Tensor const cls = encoder.encode(
            {golden_tensor(golden, "input_ids"), golden_tensor(golden, "attention_mask")}, std::nullopt,
            [&](std::string const&, at::Tensor const& x) { hidden.push_back(x); });
        EXPECT_LE(max_abs_difference(cls, golden_tensor(golden, "fp64.cls")), 4e-5);
        at::Tensor const positions = golden_tensor(golden, "positions");
        at::Tensor const expected = golden_tensor(golden, "fp64.hidden");  // (row, state, position, channel)
        std::vector<std::size_t> const states = json.at("hidden_state_layers");
        for (std::size_t s = 0; s < states.size(); ++s) {
            for (std::int64_t row = 0; row < 4; ++row) {
                at::Tensor const chosen = hidden[states[s]][row].index_select(0, positions[row]);
                EXPECT_LE(max_abs_difference(chosen, expected[row][static_cast<std::int64_t>(s)]), 4e-5);
            }
        }
    }
    at::Tensor const cls = encoder.encode(
        {golden_tensor(golden, "grad_input_ids"), golden_tensor(golden, "grad_attention_mask")}, std::nullopt,
        {});
    at::Tensor const cotangent = formula_numbers("bert_cotangent", cls.numel());
    (cls.reshape({-1}) * cotangent.to(at::kFloat)).sum().backward();
    EXPECT_LE(max_abs_difference(cls, golden_tensor(golden, "fp64.grad_cls")), 4e-5);
    EXPECT_NEAR((cls.detach().reshape({-1}).to(at::kDouble) * cotangent).sum().item<double>(),
                golden_tensor(golden, "fp64.objective").item<double>(), 1e-4);
    expect_gradients(parameters, json, golden, "fp64", 1e-4, 2e-4, false);
    std::int64_t const word = json.at("grad_word_row_id");
    at::Tensor const words = parameters.at("text_transformer.embeddings.word_embeddings.weight").grad();
    EXPECT_LE(max_abs_difference(words[word].narrow(0, 0, 16), golden_tensor(golden, "fp64.grad_word_row")),
              2e-4);
}

}  // namespace
}  // namespace ctclip
