#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "base/error.hpp"
#include "model/golden.hpp"
#include "model/tensor_array.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::ThrowsMessage;

ModelOptions small_options() {
    ModelOptions options;
    options.image = {.dim = 12,
                     .codebook_size = 9,
                     .image_height = 6,
                     .image_width = 8,
                     .patch_height = 3,
                     .patch_width = 4,
                     .temporal_patch_size = 2,
                     .spatial_depth = 1,
                     .temporal_depth = 2,
                     .dim_head = 4,
                     .heads = 2};
    options.text = {.vocab_size = 20,
                    .hidden_size = 8,
                    .num_layers = 1,
                    .num_heads = 2,
                    .intermediate_size = 16,
                    .max_positions = 10};
    options.dim_latent = 5;
    return options;
}

ParameterSet small_set(std::uint64_t seed) {
    ParameterSet parameters(small_options(), at::kCPU, at::kFloat);
    parameters.initialise(seed);
    return parameters;
}

TEST(ParameterLayout, EqualsThePythonStateDictAtRealSize) {
    nlohmann::json const table = golden_json("ct_clip_v2_keys.json");
    std::vector<ParameterSpec> const layout = parameter_layout(ModelOptions{});
    ASSERT_EQ(layout.size(), 362U);
    ASSERT_EQ(table.at("keys").size(), layout.size());
    for (std::size_t i = 0; i < layout.size(); ++i) {
        nlohmann::json const& row = table.at("keys").at(i);
        EXPECT_EQ(layout[i].name, row.at("key"));
        EXPECT_EQ(layout[i].shape, row.at("shape").get<Shape>()) << layout[i].name;
        EXPECT_EQ(layout[i].type == DType::kI64 ? "int64" : "float32", row.at("dtype")) << layout[i].name;
        EXPECT_EQ(layout[i].kind == ParameterKind::kBuffer ? "buffer" : "parameter", row.at("kind"))
            << layout[i].name;
        EXPECT_EQ(layout[i].use == ParameterUse::kUsed ? "used" : "unused", row.at("clip_forward"))
            << layout[i].name;
    }
}

TEST(ParameterLayout, CountsTheParametersOfThePaperModel) {
    ParameterSet const parameters(ModelOptions{}, at::kMeta, at::kFloat);
    EXPECT_EQ(parameters.num_parameters(), 438148761);
    EXPECT_EQ(parameters.num_trained_parameters(), 283701577);
}

TEST(ParameterLayout, SiglipAddsTheLogitBias) {
    ModelOptions options = small_options();
    options.loss_type = LossType::kSiglip;
    EXPECT_EQ(parameter_layout(options).back().name, "logit_bias");
    EXPECT_EQ(parameter_layout(options).size(), parameter_layout(small_options()).size() + 1);
}

TEST(ModelOptions, ReportsEveryImpossibleSizeAtOnce) {
    ModelOptions options = small_options();
    options.image.dim = 0;
    options.image.patch_width = 5;
    options.text.num_heads = 3;
    options.text.dropout = 1.0;
    EXPECT_THAT(
        [&] { parameter_layout(options); },
        ThrowsMessage<Error>(AllOf(HasSubstr("image_encoder.dim is 0"), HasSubstr("8 is not a multiple of 5"),
                                   HasSubstr("8 is not a multiple of 3"), HasSubstr("dropout is 1"))));
}

TEST(ModelOptions, NameWhatIsWrongWithASquarePatchOnce) {
    ModelOptions options;
    options.image.image_height = options.image.image_width = 100;
    options.image.patch_height = options.image.patch_width = 30;
    EXPECT_THAT([&] { options.validate(); },
                ThrowsMessage<Error>("the model cannot be built: model.image_encoder.patch_size must divide "
                                     "image_size: 100 is not a multiple of 30"));
}

TEST(ParameterSet, InitialisesAsThePythonClassesDo) {
    ParameterSet const parameters = small_set(1);
    at::Tensor const query =
        parameters.at("visual_transformer.enc_spatial_transformer.layers.0.1.to_q.weight");
    double const bound = 1.0 / std::sqrt(12.0);
    EXPECT_LE(query.abs().max().item<double>(), bound);
    EXPECT_GT(query.abs().max().item<double>(), 0.9 * bound);
    EXPECT_NEAR(query.mean().item<double>(), 0.0, 0.2 * bound);
    at::Tensor const peg = parameters.at("visual_transformer.enc_spatial_transformer.layers.0.0.dsconv.bias");
    EXPECT_LE(peg.abs().max().item<double>(), 1.0 / std::sqrt(27.0));
    at::Tensor const word = parameters.at("text_transformer.embeddings.word_embeddings.weight");
    EXPECT_NEAR(word.std().item<double>(), 0.02, 0.004);
    EXPECT_NEAR(parameters.at("visual_transformer.vq._codebook.embed")
                    .norm(2, {-1})
                    .sub(1)
                    .abs()
                    .max()
                    .item<double>(),
                0.0, 1e-6);
    EXPECT_FALSE(parameters.at("to_visual_latent_extra.weight").any().item<bool>());
    EXPECT_EQ(parameters.at("temperature").item<float>(), 1.0F);
    EXPECT_EQ(parameters.at("text_transformer.embeddings.position_ids")[0][7].item<std::int64_t>(), 7);
}

TEST(ParameterSet, IsAPureFunctionOfTheSeed) {
    ParameterSet const first = small_set(3);
    ParameterSet const second = small_set(3);
    for (Parameter const& entry : first.entries()) {
        EXPECT_TRUE(at::equal(entry.tensor, second.at(entry.spec.name))) << entry.spec.name;
    }
    EXPECT_FALSE(
        at::equal(small_set(3).at("to_text_latent.weight"), small_set(4).at("to_text_latent.weight")));
}

TEST(ParameterSet, OnlyUsedParametersAreTrained) {
    ParameterSet const parameters = small_set(1);
    for (Parameter const& entry : parameters.entries()) {
        EXPECT_EQ(entry.tensor.requires_grad(), entry.is_trained()) << entry.spec.name;
    }
    EXPECT_FALSE(parameters.at("to_visual_latent_extra.weight").requires_grad());
    EXPECT_FALSE(parameters.at("visual_transformer.vq._codebook.embed").requires_grad());
    EXPECT_TRUE(parameters.at("temperature").requires_grad());
}

TEST(ParameterSet, UnusedParametersTakeNoMemoryUntilTheyAreFilled) {
    auto const resident_pages = [] {
        std::int64_t total = 0;
        std::int64_t resident = 0;
        std::ifstream("/proc/self/statm") >> total >> resident;
        return resident;
    };
    ModelOptions options = small_options();
    options.dim_latent = 5000;  // 5000 x 3072 weights in each visual projection
    options.image.image_height = 48;
    options.image.image_width = 64;
    std::int64_t const before = resident_pages();
    ParameterSet const parameters(options, at::kCPU, at::kFloat);
    at::Tensor const& extra = parameters.at("to_visual_latent_extra.weight");
    EXPECT_GT(extra.nbytes(), 50U << 20);
    EXPECT_FALSE(extra.any().item<bool>());
    EXPECT_LT((resident_pages() - before) * 4096, 20 << 20);
}

TEST(ParameterSet, SurvivesARoundTripThroughArrays) {
    ParameterSet const original = small_set(1);
    ParameterSet copy = small_set(2);
    EXPECT_THAT(copy.load(original.to_arrays()), testing::IsEmpty());
    for (Parameter const& entry : original.entries()) {
        EXPECT_TRUE(at::equal(entry.tensor, copy.at(entry.spec.name))) << entry.spec.name;
    }
    EXPECT_TRUE(copy.at("temperature").requires_grad());
}

TEST(ParameterSet, ConvertsOtherFloatTypesAndIgnoresStrangeNames) {
    NamedArrays arrays = small_set(1).to_arrays();
    at::Tensor const value = to_tensor(arrays.at("to_text_latent.weight"));
    arrays["to_text_latent.weight"] = to_array(value.to(at::kHalf));
    arrays["optimizer.step"] = to_array(at::ones({1}));
    ParameterSet parameters = small_set(2);
    parameters.load(arrays);
    EXPECT_TRUE(at::equal(parameters.at("to_text_latent.weight"), value.to(at::kHalf).to(at::kFloat)));
}

TEST(ParameterSet, ReportsWhatMayBeAbsent) {
    NamedArrays arrays = small_set(1).to_arrays();
    arrays.erase("text_transformer.embeddings.position_ids");
    arrays.erase("to_visual_latent_extra.weight");
    ParameterSet parameters = small_set(2);
    EXPECT_THAT(parameters.load(arrays),
                ElementsAre("text_transformer.embeddings.position_ids", "to_visual_latent_extra.weight"));
}

TEST(ParameterSet, RefusesWeightsOfAnotherModelAndChangesNothing) {
    NamedArrays arrays = small_set(1).to_arrays();
    arrays.erase("to_text_latent.weight");
    arrays["temperature"] = to_array(at::ones({2}));
    ParameterSet parameters = small_set(2);
    EXPECT_THAT([&] { parameters.load(arrays); },
                ThrowsMessage<Error>(AllOf(HasSubstr("to_text_latent.weight"),
                                           HasSubstr("temperature has shape [2], the model needs []"))));
    EXPECT_TRUE(
        at::equal(parameters.at("to_visual_latent.weight"), small_set(2).at("to_visual_latent.weight")));
}

}  // namespace
}  // namespace ctclip
