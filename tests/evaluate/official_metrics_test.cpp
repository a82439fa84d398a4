#include "evaluate/official_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "evaluate/golden_metrics.hpp"
#include "evaluate/ranked_class.hpp"

namespace ctclip {

TEST(OfficialMetrics, IntervalRuleIsTheScripts) {
    NamedArrays const arrays = golden_arrays("official_cis");
    nlohmann::json const golden = golden_json("official_cis");
    ASSERT_EQ(arrays.size(), 4);
    for (auto const& [name, values] : arrays) {
        OfficialInterval const interval = official_interval(values.as<double>());
        EXPECT_EQ(interval.mean, golden.at(name).at("mean")) << name;
        EXPECT_EQ(interval.lower, golden.at(name).at("lower")) << name;
        EXPECT_EQ(interval.upper, golden.at(name).at("upper")) << name;
    }
}

TEST(OfficialMetrics, RadChestCtTargetsTakeTheirScores) {
    NamedArrays const arrays = golden_arrays("external16");
    nlohmann::json const targets = golden_json("external16").at("targets");
    std::vector<double> const scores = rad_chestct_scores(as_doubles(arrays.at("scores")));
    auto const labels = arrays.at("labels").as<std::uint8_t>();
    ASSERT_EQ(scores.size(), labels.size());
    for (std::size_t target = 0; target < targets.size(); ++target) {
        std::vector<double> column;
        std::vector<std::uint8_t> truth;
        for (std::size_t row = 0; row < labels.size() / targets.size(); ++row) {
            column.push_back(scores[row * targets.size() + target]);
            truth.push_back(labels[row * targets.size() + target]);
        }
        expect_near(RankedClass(column, truth, 0.5).evaluate()[Metric::kAuroc], targets[target].at("auroc"),
                    "target " + std::to_string(target));
    }
}

}  // namespace ctclip
