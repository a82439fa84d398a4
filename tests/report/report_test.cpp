#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file_descriptor.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "report/evaluation_output.hpp"
#include "report/evaluation_page.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Four studies, two classes; the last study has no labels.
Evaluation make_evaluation() {
    Evaluation evaluation;
    evaluation.prompts = {{"Lung <nodule>", "yes", "no"}, {"Emphysema", "yes", "no"}};
    evaluation.study_ids = {"valid_1_a_1", "valid_2_a_1", "valid_3_a_1", "valid_4_a_1"};
    evaluation.probabilities = {0.9F, 0.2F, 0.1F, 0.6F, 0.3F, 0.5F, 0.7F, 0.7F};
    evaluation.labels = {1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, kNan, kNan};
    evaluation.table =
        make_score_table({"Lung <nodule>", "Emphysema"}, evaluation.probabilities, evaluation.labels);
    evaluation.metrics = evaluate_scores(evaluation.table, {.bootstrap = {.num_replicates = 50}});
    evaluation.retrieval = RetrievalMetrics{{{5, 0.25}}, {{1, 0.5}}};
    evaluation.latents.emplace("image_latents", Array{DType::kF32, {4, 1}, std::vector<std::byte>(16)});
    return evaluation;
}

TEST(EvaluationJson, HoldsEachMetricWithItsIntervalAndNullWhereUndefined) {
    auto const json = to_json(make_evaluation());
    EXPECT_EQ(json["num_studies"], 4);
    EXPECT_EQ(json["num_labelled_studies"], 3);
    EXPECT_EQ(json["per_class"]["Lung <nodule>"]["auroc"]["value"], 1.0);
    EXPECT_EQ(json["per_class"]["Lung <nodule>"]["auroc"]["ci_upper"], 1.0);
    EXPECT_TRUE(json["per_class"]["Emphysema"]["auroc"]["value"].is_null()) << "no positive study";
    EXPECT_EQ(json["retrieval"]["report_to_volume_recall_at"]["5"], 0.25);
    EXPECT_EQ(json["retrieval"]["volume_to_volume_label_overlap_at"]["1"], 0.5);
    EXPECT_EQ(json["macro"]["auroc"]["value"], 1.0) << "over the classes that are defined";
}

TEST(WriteEvaluation, LeavesAllFilesAndReplacesOldOnes) {
    TempDir const dir;
    write_evaluation(make_evaluation(), dir / "out", "");
    write_evaluation(make_evaluation(), dir / "out", "");

    EXPECT_EQ(
        read_text_file(dir / "out" / "scores.csv"),
        "study_id,Lung <nodule>,Emphysema,label: Lung <nodule>,label: Emphysema\n"
        "valid_1_a_1,0.9,0.2,1,0\nvalid_2_a_1,0.1,0.6,0,0\nvalid_3_a_1,0.3,0.5,0,0\nvalid_4_a_1,0.7,0.7,,\n");
    NamedArrays const latents = read_safetensors(dir / "out" / "latents.safetensors");
    EXPECT_EQ(latents.at("probabilities").shape, (Shape{4, 2}));
    EXPECT_EQ(latents.at("labels").type, DType::kU8);
    EXPECT_EQ(latents.at("labels").bytes.back(), std::byte{255}) << "no label is not the label 0";
    EXPECT_EQ(read_safetensors_metadata(dir / "out" / "latents.safetensors").at("study_ids"),
              R"(["valid_1_a_1","valid_2_a_1","valid_3_a_1","valid_4_a_1"])");
    EXPECT_TRUE(nlohmann::json::accept(read_text_file(dir / "out" / "evaluation.json")));
}

TEST(EvaluationPage, IsOneFileThatLoadsNothingAndEscapesNames) {
    TempDir const dir;
    write_evaluation(make_evaluation(), dir / "out", "");
    std::string const page = read_text_file(dir / "out" / "report.html");
    EXPECT_THAT(page, HasSubstr("Lung &lt;nodule&gt;"));
    EXPECT_THAT(page, Not(HasSubstr("Lung <nodule>")));
    EXPECT_THAT(page, Not(HasSubstr("src=")));
    EXPECT_THAT(page, Not(HasSubstr("http")));
}

TEST(EvaluationTable, MarksWhatIsUndefined) {
    EXPECT_THAT(evaluation_table(make_evaluation()),
                HasSubstr("Emphysema                                    0"));
}

TEST(TrainingPlots, SkipLinesThatCannotBeRead) {
    TempDir const dir;
    std::ofstream(dir / "metrics.jsonl") << "{\"step\":1,\"loss\":2.0}\n{torn\n{\"step\":2,\"loss\":null}\n"
                                            "{\"step\":3,\"loss\":1.0}\n";
    auto const plots = make_training_plots(dir / "metrics.jsonl");
    ASSERT_EQ(plots.size(), 1U);
    EXPECT_EQ(plots[0].series[0].points.size(), 3U);
    EXPECT_TRUE(make_training_plots(dir / "absent.jsonl").empty());
}

TEST(FitAxis, HoldsEveryFiniteValueBetweenRoundNumbers) {
    Axis const axis = fit_axis("x", {0.013, 0.97, std::nan(""), INFINITY});
    EXPECT_LE(axis.low, 0.013);
    EXPECT_GE(axis.high, 0.97);
    EXPECT_LT(axis.high, 1.2);
    EXPECT_LT(fit_axis("x", {5.0}).low, fit_axis("x", {5.0}).high);
}

TEST(RoundTicks, AreRoundNumbersWithinTheAxis) {
    using testing::DoubleEq;
    EXPECT_THAT(round_ticks({"x", 0.0, 1.0}),
                testing::ElementsAre(0.0, DoubleEq(0.2), DoubleEq(0.4), DoubleEq(0.6), DoubleEq(0.8), 1.0));
    EXPECT_THAT(round_ticks({"x", -0.3, 0.4}), testing::ElementsAre(DoubleEq(-0.2), 0.0, DoubleEq(0.2), DoubleEq(0.4)));
    EXPECT_THAT(round_ticks({"x", 65536.0, 262144.0}), testing::ElementsAre(100000.0, 150000.0, 200000.0, 250000.0));
}

TEST(RoundTicks, AreFewForAnEnormousSeriesThatHardlyChanges) {
    double const enormous = 9e18;  // whole numbers of a double are 1024 apart there
    Axis const axis = fit_axis("x", {enormous, std::nextafter(enormous, INFINITY)});
    EXPECT_LE(axis.low, enormous);
    EXPECT_GT(axis.high, enormous);
    EXPECT_LE(round_ticks(axis).size(), 7U);
}

TEST(RoundTicks, AreNoneWhereThereIsNoStep) {
    double const least = std::numeric_limits<double>::denorm_min();
    EXPECT_TRUE(round_ticks(fit_axis("x", {0.0, least})).empty());
    EXPECT_TRUE(round_ticks(fit_axis("x", {-1.7e308, 1.7e308})).empty());
    EXPECT_TRUE(round_ticks({"x", 1.0, 1.0}).empty());
}

TEST(LinePlot, ShadesTheRangeOfASeriesAndNamesEachWhereThereAreSome) {
    LinePlot plot{.title = "", .x = {}, .y = {}, .series = {{"a <b>", {{0.0, 0.5}, {1.0, 0.5}}, {{0.0, 0.4, 0.6}}}}};
    EXPECT_THAT(to_svg(plot), AllOf(HasSubstr("class=\"band\""), HasSubstr("a &lt;b&gt;"), Not(HasSubstr("a <b>"))));
    EXPECT_THAT(to_svg(plot), Not(HasSubstr("text-anchor=\"end\">a"))) << "one curve is named by the axis";
    plot.series.push_back({"c", {{0.0, 0.1}}});
    EXPECT_THAT(to_svg(plot), AllOf(HasSubstr("text-anchor=\"end\">a"), HasSubstr("text-anchor=\"end\">c")));
}

}  // namespace
}  // namespace ctclip
