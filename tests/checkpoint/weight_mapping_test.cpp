#include "checkpoint/weight_mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "checkpoint/example_state.hpp"

namespace ctclip {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

std::filesystem::path const kValid =
    std::filesystem::path(CTCLIP_TEST_DATA) / "checkpoint" / "weights" / "valid";

/// What golden/weights/keys names as constant or unused among the names that the fork lacks.
bool may_be_absent(std::string const& name) {
    return name.ends_with("position_ids") || name.find(".pooler.") != name.npos ||
           name.find("first_frame") != name.npos;
}

/// The tiny official model: its export has every tensor.
KeyTable tiny_model() {
    KeyTable table;
    for (auto const& [name, array] : read_weight_file(kValid / "official" / "export.safetensors").tensors) {
        table.push_back({name, array.type, array.shape, may_be_absent(name)});
    }
    return table;
}

WeightFile floats(std::map<std::string, Shape> const& shapes) {
    WeightFile file{"safetensors", {}};
    for (auto const& [name, shape] : shapes) {
        std::vector<float> const values(static_cast<std::size_t>(element_count(shape)), 0.5F);
        file.tensors[name] = make_array<float>(DType::kF32, shape, values);
    }
    return file;
}

TEST(WeightMapping, TakesTheOfficialFileWhole) {
    for (char const* name : {"CTClip.100000.pt", "trainer_pkg.pt"}) {
        WeightFile const file = read_weight_file(kValid / "official" / name);
        WeightMapping const mapping = map_weights(file, tiny_model(), name);
        EXPECT_EQ(mapping.layout, WeightLayout::kClip);
        EXPECT_TRUE(mapping.fits());
        EXPECT_THAT(mapping.absent, IsEmpty());
        EXPECT_TRUE(mapping.tensors == file.tensors);
    }
}

TEST(WeightMapping, GetsTheSameFromTorchAndFromSafetensors) {
    EXPECT_TRUE(read_weight_file(kValid / "official" / "trainer_pkg.pt").tensors ==
                read_weight_file(kValid / "official" / "export.safetensors").tensors);
}

TEST(WeightMapping, TakesTheForksTensorsByTheirOfficialNames) {
    WeightFile const file = read_weight_file(kValid / "fork" / "checkpoint_epoch_3.pt");
    WeightMapping const mapping = map_weights(file, tiny_model(), "fork");
    EXPECT_EQ(mapping.layout, WeightLayout::kFork);
    EXPECT_TRUE(mapping.fits());
    EXPECT_EQ(mapping.tensors.size(), 351U);
    EXPECT_EQ(mapping.absent.size(), 11U);
    EXPECT_EQ(mapping.ignored.size(), 146U);
    EXPECT_EQ(mapping.tensors.at("text_transformer.embeddings.LayerNorm.bias"),
              file.tensors.at("text_transformer.bert.embeddings.LayerNorm.bias"));
    EXPECT_NO_THROW(require_fit(mapping, "fork"));
}

TEST(WeightMapping, IgnoresTheBiasOfSigLipForASoftmaxModel) {
    WeightMapping const mapping =
        map_weights(read_weight_file(kValid / "fork" / "module_prefix.pt"), tiny_model(), "siglip");
    EXPECT_TRUE(mapping.fits());
    EXPECT_THAT(mapping.ignored, Contains("logit_bias"));
}

TEST(WeightMapping, RefusesAnotherArchitectureThoughNamesAndShapesMayAgree) {
    WeightFile const file = read_weight_file(kValid / "fork" / "flash_rms_swiglu.pt");
    EXPECT_THAT(file.switches, Contains("use_swiglu"));
    WeightMapping const mapping = map_weights(file, tiny_model(), "fork");
    EXPECT_THAT(mapping.missing, Contains("visual_transformer.enc_spatial_transformer.layers.0.1.q_scale"));
    EXPECT_THAT(mapping.unexpected, Contains("visual_transformer.enc_spatial_transformer.norm_out.weight"));
    EXPECT_THAT([&] { require_fit(mapping, "fork.pt"); },
                ThrowsMessage<Error>(testing::AllOf(HasSubstr("fork.pt: the weights (layout CTCLIP_MODERN)"),
                                                    HasSubstr("use_swiglu"), HasSubstr("tensors are missing"),
                                                    HasSubstr("q_scale"))));
}

TEST(WeightMapping, RefusesSwiGluWhoseNamesAndShapesAgree) {
    WeightFile file = read_weight_file(kValid / "official" / "export.safetensors");
    file.switches = {"use_swiglu"};
    WeightMapping const mapping = map_weights(file, tiny_model(), "x.pt");
    EXPECT_FALSE(mapping.fits());
    EXPECT_THAT([&] { require_fit(mapping, "x.pt"); }, ThrowsMessage<Error>(HasSubstr("use_swiglu: true")));
}

class BertFiles : public testing::TestWithParam<char const*> {};

TEST_P(BertFiles, FillTheTextEncoderAlone) {
    using nlohmann::json;
    json const expected = json::parse(std::ifstream(kValid / "hf_bert" / "expected.json"))
                              .at("files")
                              .at(GetParam())
                              .at("tensors");
    KeyTable model{{"temperature", DType::kF32, {}, false}};
    std::size_t num_ignored = 0;
    for (auto const& [name, tensor] : expected.items()) {
        bool const is_ignored = tensor.at("ct_clip").is_null();
        num_ignored += is_ignored ? 1 : 0;
        if (!is_ignored) {
            bool const is_integer = tensor.at("dtype") == "int64";
            model.push_back(
                {tensor.at("ct_clip"), is_integer ? DType::kI64 : DType::kF32, tensor.at("shape"), false});
        }
    }
    WeightFile const file = read_weight_file(kValid / "hf_bert" / GetParam());
    WeightMapping const mapping = map_weights(file, model, GetParam());
    EXPECT_EQ(mapping.layout, WeightLayout::kBert);
    EXPECT_TRUE(mapping.fits());
    EXPECT_EQ(mapping.ignored.size(), num_ignored);
    EXPECT_THAT(mapping.absent, ElementsAre("temperature"));
    EXPECT_EQ(mapping.tensors.size() + 1, model.size());
    for (auto const& [name, tensor] : expected.items()) {
        if (!tensor.at("ct_clip").is_null() && tensor.at("dtype") != "float16") {
            EXPECT_EQ(sha256_hex(mapping.tensors.at(tensor.at("ct_clip")).bytes), tensor.at("sha256"))
                << name;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, BertFiles,
                         testing::Values("model.safetensors", "pytorch_model.bin", "cxr_bert.bin",
                                         "gamma_beta.bin", "half.bin"));

TEST(WeightMapping, NamesEveryMissingMismatchedAndUnexpectedTensorOnce) {
    KeyTable const model{{"a", DType::kF32, {2}, false},
                         {"b", DType::kF32, {3}, false},
                         {"c", DType::kF32, {4}, true},
                         {"d", DType::kI64, {1}, false}};
    WeightMapping const mapping = map_weights(floats({{"b", {2}}, {"d", {1}}, {"x", {1}}}), model, "w.pt");
    EXPECT_THAT(mapping.missing, ElementsAre("a"));
    EXPECT_THAT(mapping.absent, ElementsAre("c"));
    EXPECT_THAT(mapping.mismatched,
                ElementsAre("b has shape [2], the model needs [3]", "d is float32, the model needs int64"));
    EXPECT_THAT(mapping.unexpected, ElementsAre("x"));
    EXPECT_THAT(
        [&] { require_fit(mapping, "w.pt"); },
        ThrowsMessage<Error>(HasSubstr("1 tensors are missing: a. 2 do not match: b has shape [2], the model "
                                       "needs [3]; d is float32, the model needs int64. 1 are of no known "
                                       "use: x")));
}

TEST(WeightMapping, WidensHalfPrecisionExactly) {
    WeightFile file{"torch", {}};
    file.tensors["h"] = make_array<std::uint16_t>(DType::kF16, {4}, {0x3C00, 0x8000, 0x0001, 0xFC00});
    file.tensors["b"] = make_array<std::uint16_t>(DType::kBF16, {2}, {0x3F80, 0x8001});
    file.tensors["i"] = make_array<std::int32_t>(DType::kI32, {2}, {-3, 7});
    WeightMapping const mapping = map_weights(
        file,
        {{"h", DType::kF32, {4}, false}, {"b", DType::kF32, {2}, false}, {"i", DType::kI64, {2}, false}},
        "x");
    float const infinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(mapping.tensors.at("h"),
              make_array<float>(DType::kF32, {4}, {1.0F, -0.0F, 0x1p-24F, -infinity}));
    EXPECT_EQ(mapping.tensors.at("b"), make_array<std::uint32_t>(DType::kF32, {2}, {0x3F800000, 0x80010000}));
    EXPECT_EQ(mapping.tensors.at("i"), make_array<std::int64_t>(DType::kI64, {2}, {-3, 7}));
}

TEST(WeightMapping, RefusesTwoNamesForOneTensor) {
    EXPECT_THAT(
        [] {
            map_weights(floats({{"bert.embeddings.word_embeddings.weight", {1}},
                                {"embeddings.word_embeddings.weight", {1}}}),
                        {{"text_transformer.embeddings.word_embeddings.weight", DType::kF32, {1}, false}},
                        "x");
        },
        ThrowsMessage<Error>(HasSubstr("two tensors would become")));
}

TEST(RequireFinite, NamesTheTensors) {
    NamedArrays arrays{{"good", make_array<float>(DType::kF32, {1}, {1.0F})},
                       {"bad", make_array<float>(DType::kF32, {3}, {NAN, INFINITY, 0.0F})}};
    EXPECT_THAT([&] { require_finite(arrays, "w.pt"); },
                ThrowsMessage<Error>(HasSubstr("bad (1 NaN, 1 infinite)")));
    arrays.erase("bad");
    EXPECT_NO_THROW(require_finite(arrays, "w.pt"));
}

}  // namespace
}  // namespace ctclip
