// ctclip-ckpt as people and scripts use it: exit codes, JSON, and weights on their way from and to Python.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_descriptor.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/example_state.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::filesystem::path const kWeights = std::filesystem::path(CTCLIP_TEST_DATA) / "checkpoint" / "weights";

/// The sizes of the tiny official model of tests/data/checkpoint/weights.
constexpr char const* kTinyConfig = R"(
model:
  image_encoder: {dim: 8, codebook_size: 16, image_size: 8, patch_size: 4, temporal_patch_size: 2, spatial_depth: 4,
                  temporal_depth: 4, dim_head: 4, heads: 2}
  text_encoder: {max_length: 16, hidden_size: 12, num_layers: 12, num_heads: 2, intermediate_size: 24,
                 max_positions: 16}
  clip: {dim_latent: 8}
training: {learning_rate: 1.0e-4}
)";

class CkptTool : public testing::Test {
  protected:
    ProcessResult run(std::vector<std::string> words) {
        words.insert(words.begin(), std::filesystem::path(CTCLIP_BIN) / "ctclip-ckpt");
        return run_process(words);
    }
    json run_json(std::vector<std::string> words) {
        words.push_back("--json");
        ProcessResult const result = run(words);
        EXPECT_EQ(result.exit_code, 0) << result.err;
        return json::parse(result.out);
    }
    std::string in_dir(std::string const& name) const { return (dir_ / name).string(); }

    TempDir const dir_;
};

TEST_F(CkptTool, ListsEveryFormatWithTheGoldenDigests) {
    for (char const* name :
         {"official/CTClip.100000.pt", "official/export.safetensors", "fork/module_prefix.pt"}) {
        json const listed = run_json({"ls", kWeights / "valid" / name});
        EXPECT_EQ(listed.at("schema"), "ctclip.ckpt.ls/1");
        std::filesystem::path const path(name);
        json const golden =
            json::parse(std::ifstream(kWeights / "valid" / path.parent_path() / "expected.json"))
                .at("files")
                .at(path.filename().string());
        std::map<std::string, json> by_name;
        for (json const& tensor : listed.at("tensors")) {
            by_name[tensor.at("name")] = tensor;
        }
        EXPECT_EQ(by_name.size(), golden.at("tensors").size());
        std::string const at = golden.at("weights_at");
        std::string const prefix = (at.empty() ? "" : at + "/") + golden.at("strip").get<std::string>();
        for (auto const& [key, tensor] : golden.at("tensors").items()) {
            json const& found = by_name.at(key.substr(prefix.size()));
            EXPECT_EQ(found.at("dtype"), tensor.at("dtype"));
            EXPECT_EQ(found.at("shape"), tensor.at("shape"));
            EXPECT_EQ(found.at("sha256"), tensor.at("sha256"));
        }
    }
}

TEST_F(CkptTool, RefusesHostileFilesWithExit65) {
    for (char const* name :
         {"pickle/rce_os_system.pt", "zip/crc_storage.pt", "safetensors/overlap.safetensors",
          "index/traversal/model.safetensors.index.json"}) {
        ProcessResult const result = run({"ls", "--json", kWeights / "hostile" / name});
        EXPECT_EQ(result.exit_code, 65) << name;
        EXPECT_EQ(result.out, "");
        EXPECT_THAT(result.err, HasSubstr(std::filesystem::path(name).filename().string()));
    }
}

TEST_F(CkptTool, TakesWeightsFromPythonAndGivesThemBackUnchanged) {
    std::ofstream(dir_ / "tiny.yaml") << kTinyConfig;
    std::string const source = kWeights / "valid" / "official" / "CTClip.100000.pt";
    ProcessResult const imported =
        run({"import", source, "--config", in_dir("tiny.yaml"), "--output", in_dir("step-00000000.h5")});
    ASSERT_EQ(imported.exit_code, 0) << imported.err;
    ASSERT_EQ(run({"export", in_dir("step-00000000.h5"), "--output", in_dir("x.safetensors")}).exit_code, 0);
    EXPECT_EQ(run({"diff", source, in_dir("x.safetensors")}).exit_code, 0);

    NamedArrays const golden = read_safetensors(kWeights / "valid" / "official" / "export.safetensors");
    NamedArrays const exported = read_safetensors(dir_ / "x.safetensors");
    EXPECT_EQ(exported.size(), 362U);
    for (auto const& [name, array] : golden) {  // Python's strict=True: the same names, shapes and dtypes
        ASSERT_TRUE(exported.contains(name)) << name;
        EXPECT_EQ(exported.at(name).shape, array.shape) << name;
        EXPECT_EQ(exported.at(name).type, array.type) << name;
    }
    EXPECT_EQ(run({"export", in_dir("step-00000000.h5"), "--output", in_dir("x.safetensors")}).exit_code, 73);
}

TEST_F(CkptTool, ImportsABertIntoTheTextEncoder) {
    std::ofstream(dir_ / "bert.yaml") << R"(
model:
  image_encoder: {dim: 8, codebook_size: 16, image_size: 8, patch_size: 4, temporal_patch_size: 2, spatial_depth: 1,
                  temporal_depth: 1, dim_head: 4, heads: 2}
  text_encoder: {max_length: 24, hidden_size: 16, num_layers: 2, num_heads: 2, intermediate_size: 32,
                 max_positions: 24}
  clip: {dim_latent: 8}
)";
    std::string const source = kWeights / "valid" / "hf_bert" / "pytorch_model.bin";
    json const report =
        run_json({"import", source, "--config", in_dir("bert.yaml"), "--output", in_dir("step-00000000.h5")});
    EXPECT_EQ(report.at("layout"), "BERT");
    EXPECT_EQ(report.at("missing"), json::array());
    NamedArrays const model = read_checkpoint(dir_ / "step-00000000.h5", CheckpointParts::kModel).model;
    EXPECT_EQ(model.at("text_transformer.pooler.dense.bias").shape, Shape{16});
    EXPECT_TRUE(model.contains("visual_transformer.vq._codebook.embed"));
}

TEST_F(CkptTool, RefusesWeightsOfAnotherModelAndNamesWhatIsMissing) {
    std::ofstream(dir_ / "tiny.yaml") << kTinyConfig;
    ProcessResult const result = run({"import", kWeights / "valid" / "fork" / "flash_rms_swiglu.pt",
                                      "--config", in_dir("tiny.yaml"), "--output", in_dir("x.h5")});
    EXPECT_EQ(result.exit_code, 65);
    EXPECT_THAT(result.err, HasSubstr("norm.gamma"));
    EXPECT_FALSE(std::filesystem::exists(dir_ / "x.h5"));
}

TEST_F(CkptTool, VerifiesAndTellsTheHistoryOfARun) {
    CheckpointStore store(dir_ / "run" / "checkpoints", {});
    for (std::int64_t step = 1; step < 4; ++step) {
        TrainState state = example_state(1, step);
        state.metrics.scalars["loss"] = 1.0 / static_cast<double>(step);
        store.save(state);
    }
    EXPECT_EQ(run({"verify", in_dir("run")}).exit_code, 0);
    std::filesystem::resize_file(dir_ / "run" / "checkpoints" / "step-00000003.h5", 5000);
    ProcessResult const verified = run({"verify", in_dir("run")});
    EXPECT_EQ(verified.exit_code, 65);
    EXPECT_THAT(verified.out, HasSubstr("BAD: " + in_dir("run/checkpoints/step-00000003.h5")));

    ProcessResult const told = run({"history", in_dir("run"), "--json"});
    EXPECT_EQ(told.exit_code, 65);
    json const history = json::parse(told.out).at("checkpoints");
    ASSERT_EQ(history.size(), 3U);
    EXPECT_EQ(history[1].at("metrics").at("loss"), 0.5);
    EXPECT_EQ(history[2].at("good"), false);
}

TEST_F(CkptTool, DiffExitsWith1AndNamesTheLargestDifference) {
    TrainState a = example_state(1);
    a.model["to_text_latent.weight"] = make_array<float>(DType::kF32, {2}, {1.0F, 2.0F});
    a.exp_avg.erase("to_text_latent.weight");
    a.exp_avg_sq.erase("to_text_latent.weight");
    TrainState b = a;
    b.info.config = "other: folder\n";  // two runs that agree differ in their folders
    write_checkpoint(dir_ / "a.h5", a);
    write_checkpoint(dir_ / "b.h5", b);
    EXPECT_EQ(run({"diff", in_dir("a.h5"), in_dir("b.h5")}).exit_code, 0);

    b.model["to_text_latent.weight"] = make_array<float>(DType::kF32, {2}, {1.0F, 2.5F});
    b.scaler.scalars["scale"] = 32768.0;
    write_checkpoint(dir_ / "b.h5", b, IfExists::kReplace);
    ProcessResult const result = run({"diff", in_dir("a.h5"), in_dir("b.h5"), "--json"});
    EXPECT_EQ(result.exit_code, 1);
    json const diff = json::parse(result.out);
    EXPECT_EQ(diff.at("max_absolute"), 0.5);
    EXPECT_EQ(diff.at("differences").size(), 2U);
}

TEST_F(CkptTool, ShowsOneTensor) {
    std::string const file = kWeights / "valid" / "official" / "export.safetensors";
    EXPECT_EQ(run_json({"show", file, "to_text_latent.weight"}).at("shape"), json({8, 12}));
    EXPECT_EQ(run({"show", file, "nothing"}).exit_code, 65);
    EXPECT_EQ(run({"show", file, "to_text_latent.weight", "--png", in_dir("values.png")}).exit_code, 0);
    EXPECT_TRUE(std::filesystem::exists(in_dir("values.png")));
    EXPECT_EQ(run({"show", file, "--png", in_dir("all.png")}).exit_code, 64);
}

TEST_F(CkptTool, ShowOfADamagedCheckpointIsBadInput) {
    write_checkpoint(dir_ / "a.h5", example_state(1));
    std::filesystem::resize_file(dir_ / "a.h5", 10);
    EXPECT_EQ(run({"show", in_dir("a.h5")}).exit_code, 65);
    EXPECT_EQ(run({"show", in_dir("a.h5"), "to_text_latent.weight"}).exit_code, 65);
}

}  // namespace
}  // namespace ctclip
