#include "report/precision_study.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class PrecisionStudyTest : public testing::Test {
  protected:
    /// A finished run as ctclip-train and ctclip-evaluate leave it. @param noise  of the scores.
    StudiedRun make_run(std::string const& precision, std::int64_t seed, double noise, double step_s) {
        std::filesystem::path const folder = dir_ / (precision + std::to_string(seed));
        std::filesystem::create_directories(folder);
        std::ofstream(folder / "run.json") << R"({"device": "a test", "software": {"version": "1"}})";
        std::ofstream metrics(folder / "metrics.jsonl");
        for (int step = 1; step <= 30; ++step) {
            metrics << nlohmann::json{{"step", step},
                                      {"loss", 3.0 / step},
                                      {"step_s", step <= 10 ? 9.0 : step_s},
                                      {"skipped_steps", precision == "fp16" ? 2 : 0},
                                      {"peak_memory_bytes", 1 << 20}}
                    << "\n";
        }
        metrics << R"({"step": 30, "val_auroc": 0.5})" << "\n" << R"({"step": 31, "lo)";  // validation; a cut line
        std::ofstream(folder / "evaluation.json")
            << R"({"macro": {"auroc": {"value": 0.8, "ci_lower": 0.7, "ci_upper": 0.9}}})";
        std::ofstream scores(folder / "scores.csv");
        scores << "study_id,Nodule,\"Mass, large\",label: Nodule,\"label: Mass, large\"\n";
        for (std::uint64_t i = 0; i < 100; ++i) {
            auto const score = [&](std::uint64_t which, bool label) {
                return (label ? 0.5 : 0.0) +
                       noise * to_unit(splitmix64(static_cast<std::uint64_t>(seed) + 7 * which, i));
            };
            bool const nodule = i % 2 == 0;
            bool const mass = i % 3 == 0;
            scores << "s" << i << "," << score(1, nodule) << "," << score(2, mass) << "," << nodule << "," << mass
                   << "\n";
        }
        return {precision, seed, folder, folder};
    }

    TempDir const dir_;
};

TEST_F(PrecisionStudyTest, ComparesEachPrecisionWithTheFirstOverAllSeeds) {
    std::vector<StudiedRun> const runs = {make_run("fp32", 1, 0.6, 0.4), make_run("fp16", 1, 3.0, 0.2),
                                          make_run("fp32", 2, 0.6, 0.4), make_run("fp16", 2, 3.0, 0.2)};
    PrecisionStudy const study = read_precision_study(runs, {.num_replicates = 100});
    auto const json = to_json(study);
    EXPECT_EQ(json["baseline"], "fp32");
    EXPECT_EQ(json["studies"], 100);
    EXPECT_EQ(json["runs"].size(), 4U);
    EXPECT_DOUBLE_EQ(json["runs"][0]["median_step_s"].get<double>(), 0.4) << "the first steps do not count";
    EXPECT_EQ(json["runs"][1]["skipped_steps"], 2);
    EXPECT_EQ(json["runs"][0]["steps"], 30);
    EXPECT_LT(json["auroc_change"]["fp16"]["macro_auroc"]["ci_upper"].get<double>(), 0.0);
    EXPECT_EQ(json["auroc_change"]["fp16"]["by_seed"].size(), 2U);
    EXPECT_TRUE(json["auroc_change"]["fp16"]["per_class"].contains("Mass, large"));
    EXPECT_THAT(verdicts(study).at(0), HasSubstr("a difference was found"));

    std::string const page = make_precision_page(study);
    EXPECT_THAT(page, HasSubstr("2.00x"));
    EXPECT_THAT(page, HasSubstr("Mass, large"));
    EXPECT_THAT(page, Not(HasSubstr("http"))) << "one file, no network";
}

TEST_F(PrecisionStudyTest, ShowsTheLastStepsOfALongRunToo) {
    std::vector<StudiedRun> const runs = {make_run("fp32", 1, 1.0, 0.4), make_run("bf16", 1, 1.0, 0.4)};
    std::ofstream metrics(runs[0].run / "metrics.jsonl");
    for (int step = 1; step <= 301; ++step) {  // two to a point, and one left
        metrics << nlohmann::json{{"step", step}, {"loss", step == 301 ? 1000.0 : 1.0}, {"step_s", 0.4}} << "\n";
    }
    metrics.close();
    EXPECT_THAT(make_precision_page(read_precision_study(runs, {.num_replicates = 50})),
                HasSubstr(">1000</text>"));
}

TEST_F(PrecisionStudyTest, FindsNoDifferenceBetweenEqualRuns) {
    std::vector<StudiedRun> const runs = {make_run("fp32", 1, 1.0, 0.4), make_run("bf16", 1, 1.0, 0.4)};
    EXPECT_THAT(
        verdicts(read_precision_study(runs, {.num_replicates = 50})).at(0),
        HasSubstr("bf16 changes the macro AUROC by +0.0000 [+0.0000, +0.0000] against fp32 (1 seed, 100 studies): "
                  "no difference was found"));
}

TEST_F(PrecisionStudyTest, NamesTheFileThatIsMissingOrWrong) {
    std::vector<StudiedRun> runs = {make_run("fp32", 1, 1.0, 0.4), make_run("bf16", 1, 1.0, 0.4)};
    std::ofstream(runs[1].evaluation / "scores.csv") << "study_id,a\nx,1\n";
    EXPECT_THAT([&] { read_precision_study(runs, {}); },
                ThrowsMessage<Error>(HasSubstr("bf161/scores.csv: not the scores.csv of an evaluation")));
    std::filesystem::remove(runs[0].run / "metrics.jsonl");
    EXPECT_THAT([&] { read_precision_study(runs, {}); }, ThrowsMessage<Error>(HasSubstr("fp321/metrics.jsonl")));
    runs = {make_run("fp32", 1, 1.0, 0.4), make_run("bf16", 2, 1.0, 0.4)};
    EXPECT_THAT([&] { read_precision_study(runs, {}); },
                ThrowsMessage<Error>(HasSubstr("there is no run in bf16 with seed 1")));
}

}  // namespace
}  // namespace ctclip
