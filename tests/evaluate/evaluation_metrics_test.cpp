#include "evaluate/evaluation_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "evaluate/golden_metrics.hpp"

namespace ctclip {

namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::string> const kCases{
    "n300_f32",     "n300_f64", "n3039_f64", "n5000_ties_f32", "n1564_ties_f32",  "grid99_f64",
    "grid99_f32",   "hand_f64", "hand_f32",  "n1_f64",         "n2_f64",          "n3_f64",
    "n4_f64",       "n5_f64",   "rare_f64",  "nonfinite_f64",  "single_rare_f64", "bootstrap_ties_f32",
    "threshold_f64"};

MetricOptions options_of(nlohmann::json const& golden) {
    MetricOptions options;
    options.threshold = golden.at("threshold");
    options.bootstrap.num_replicates = 0;
    if (golden.contains("bootstrap")) {
        options.bootstrap.num_replicates = golden.at("bootstrap").at("n");
        options.bootstrap.seed = golden.at("bootstrap").at("seed");
    }
    return options;
}

void expect_values(MetricValues const& actual, nlohmann::json const& expected, std::string const& what) {
    for (std::size_t metric = 0; metric < kNumMetrics; ++metric) {
        std::string const name(kMetricNames[metric]);
        expect_near(actual.values[metric], expected.at(name), what + " " + name);
    }
}

void expect_official(OfficialClassMetrics const& actual, nlohmann::json const& expected) {
    if (!expected.contains("auroc_error")) {
        expect_near(actual.youden_sensitivity, expected.at("youden_sensitivity"), "youden sensitivity");
        expect_near(actual.youden_specificity, expected.at("youden_specificity"), "youden specificity");
    }
    ASSERT_EQ(actual.search.has_value(), !expected.at("search").is_null());
    if (actual.search) {
        nlohmann::json const& search = expected.at("search");
        EXPECT_EQ(actual.search->grid_index, search.at("threshold_index"));
        EXPECT_EQ(actual.search->threshold, search.at("threshold"));
        expect_near(actual.search->f1_weighted, search.at("f1_weighted"), "weighted F1");
        expect_near(actual.search->accuracy, search.at("accuracy"), "accuracy");
        expect_near(actual.search->precision, search.at("precision"), "precision");
    }
}

void expect_intervals(MetricIntervals const& actual, nlohmann::json const& bootstrap) {
    for (std::size_t metric = 0; metric < kNumMetrics; ++metric) {
        std::string const name(kMetricNames[metric]);
        nlohmann::json const& interval = bootstrap.at("ci");
        EXPECT_EQ(actual[metric].num_replicates, bootstrap.at("kept").at(name)) << name;
        expect_near(actual[metric].lower, interval.at(name + "_ci_lower"), name + " lower");
        expect_near(actual[metric].upper, interval.at(name + "_ci_upper"), name + " upper");
        expect_near(actual[metric].width(), interval.at(name + "_ci_width"), name + " width");
    }
}

ScoreTable random_table(std::uint64_t seed, std::size_t num_samples, std::size_t num_classes) {
    ScoreTable table;
    table.num_samples = num_samples;
    table.class_names.assign(num_classes, "class");
    for (std::size_t i = 0; i < num_samples * num_classes; ++i) {
        table.labels.push_back(splitmix64(seed, i) % 5 == 0 ? 1 : 0);
        table.scores.push_back(to_unit(splitmix64(seed + 1, i)) + 0.2 * table.labels.back());
    }
    return table;
}

}  // namespace

TEST(EvaluationMetrics, EqualTheReferenceOnEveryGoldenCase) {
    for (std::string const& name : kCases) {
        SCOPED_TRACE(name);
        nlohmann::json const golden = golden_json(name);
        EvaluationMetrics const metrics = evaluate_scores(golden_table(name), options_of(golden));

        nlohmann::json const& classes = golden.at("per_class");
        ASSERT_EQ(metrics.classes.size(), classes.size());
        for (std::size_t i = 0; i < classes.size(); ++i) {
            SCOPED_TRACE("class " + std::to_string(i));
            expect_values(metrics.classes[i], classes[i], "class");
            EXPECT_EQ(metrics.classes[i].num_positives, classes[i].at("positives"));
            if (!classes[i].at("f1_threshold").is_null()) {
                EXPECT_EQ(metrics.classes[i].f1_threshold, classes[i].at("f1_threshold"));
            }
            if (golden.contains("official")) {
                expect_official(metrics.official[i], golden.at("official")[i]);
            }
        }
        expect_values(metrics.macro, golden.at("macro"), "macro");
        expect_values(metrics.weighted, golden.at("weighted"), "weighted");
        if (golden.contains("official_rounded")) {
            expect_near(metrics.rounded.micro_f1, golden.at("official_rounded").at("micro_f1"), "micro F1");
            expect_near(metrics.rounded.flat_accuracy, golden.at("official_rounded").at("flat_accuracy"),
                        "accuracy");
        }
        if (golden.contains("bootstrap")) {
            expect_intervals(metrics.macro_intervals, golden.at("bootstrap"));
        }
    }
}

TEST(EvaluationMetrics, ClassIntervalsComeFromTheSameResamplesAsTheMacroOnes) {
    ScoreTable const table = random_table(7, 200, 1);
    EvaluationMetrics const metrics = evaluate_scores(table, {.bootstrap = {.num_replicates = 100}});
    for (std::size_t metric = 0; metric < kNumMetrics;
         ++metric) {  // one class: all three means are that class
        EXPECT_EQ(metrics.class_intervals[0][metric].lower, metrics.macro_intervals[metric].lower);
        EXPECT_EQ(metrics.class_intervals[0][metric].upper, metrics.macro_intervals[metric].upper);
        EXPECT_NEAR(metrics.weighted_intervals[metric].lower, metrics.macro_intervals[metric].lower,
                    kGoldenTolerance);
        EXPECT_LT(metrics.class_intervals[0][metric].lower, metrics.classes[0].values[metric]);
        EXPECT_GT(metrics.class_intervals[0][metric].upper, metrics.classes[0].values[metric]);
    }
}

TEST(EvaluationMetrics, AResampleIsEvaluatedAsTheTableOfItsRowsWouldBe) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        ScoreTable const table = random_table(seed, 60, 1);
        RankedClass const ranked(table.scores, table.labels, 0.5);
        std::vector<std::uint32_t> counts(table.num_samples, 0);
        std::vector<double> scores;
        std::vector<std::uint8_t> labels;
        BootstrapIndexStream stream(static_cast<std::uint32_t>(seed));
        for (std::size_t draw = 0; draw < table.num_samples; ++draw) {
            std::uint32_t const index = stream.next(60);
            ++counts[index];
            scores.push_back(table.scores[index]);
            labels.push_back(table.labels[index]);
        }
        ClassMetrics const resampled = ranked.evaluate(counts);
        ClassMetrics const written_out = RankedClass(scores, labels, 0.5).evaluate();
        for (std::size_t metric = 0; metric < kNumMetrics; ++metric) {
            EXPECT_NEAR(resampled.values[metric], written_out.values[metric], kGoldenTolerance);
        }
        EXPECT_EQ(resampled.f1_threshold, written_out.f1_threshold);
    }
}

TEST(EvaluationMetrics, NeedsALabelledSample) {
    ScoreTable table;
    table.class_names = {"a"};
    EXPECT_THAT([&] { evaluate_scores(table, {}); }, ThrowsMessage<Error>(HasSubstr("no labelled sample")));
}

TEST(ScoreTable, LeavesOutSamplesWithoutLabels) {
    float const nan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> const scores{0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};
    ScoreTable const table = make_score_table({"a", "b"}, scores, std::vector<float>{0, 1, nan, nan, 1, 0});
    EXPECT_EQ(table.num_samples, 2);
    EXPECT_THAT(table.labels, testing::ElementsAre(0, 1, 1, 0));
    EXPECT_THAT(table.score_column(1), testing::ElementsAre(double{0.2F}, double{0.6F}));
}

TEST(ScoreTable, RefusesOtherLabels) {
    std::vector<float> const scores{0.1F, 0.2F};
    EXPECT_THAT(
        [&] {
            make_score_table({"a", "b"}, scores, std::vector<float>{0.5F, 1});
        },
        ThrowsMessage<Error>(HasSubstr("sample 0: label 0.5 of 'a' is not 0 or 1")));
    EXPECT_THAT(
        [&] {
            make_score_table({"a", "b"}, scores, std::vector<float>{1});
        },
        ThrowsMessage<Error>(HasSubstr("2 scores and 1 labels")));
}

}  // namespace ctclip
