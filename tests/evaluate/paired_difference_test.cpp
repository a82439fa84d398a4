#include "evaluate/paired_difference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kNumStudies = 400;
constexpr std::size_t kNumClasses = 3;

/// Scores that know the label more or less well. @param noise  0: perfectly; large: not at all.
ScoreTable make_table(std::uint64_t seed, double noise) {
    ScoreTable table;
    table.class_names = {"a", "b", "c"};
    table.num_samples = kNumStudies;
    for (std::size_t i = 0; i < kNumStudies * kNumClasses; ++i) {
        auto const label = static_cast<std::uint8_t>(splitmix64(99, i) % 3 == 0 ? 1 : 0);
        table.labels.push_back(label);
        table.scores.push_back(label + noise * to_unit(splitmix64(seed, i)));
    }
    return table;
}

TEST(PairedDifference, OfEqualScoresIsExactlyZero) {
    std::vector<ScorePair> const pairs = {{make_table(1, 2.0), make_table(1, 2.0)}};
    PairedDifference const difference = paired_auroc_difference(pairs, {.num_replicates = 50});
    EXPECT_EQ(difference.macro.value, 0.0);
    EXPECT_EQ(difference.macro.interval.lower, 0.0);
    EXPECT_EQ(difference.macro.interval.upper, 0.0);
}

TEST(PairedDifference, IsThatOfTheMacroAurocAndItsIntervalLeavesOutZeroWhereItIsLarge) {
    std::vector<ScorePair> const pairs = {{make_table(1, 1.5), make_table(2, 4.0)},
                                          {make_table(3, 1.5), make_table(4, 4.0)}};
    PairedDifference const difference = paired_auroc_difference(pairs, {.num_replicates = 200});
    ASSERT_EQ(difference.by_pair.size(), 2U);
    EXPECT_NEAR(difference.macro.value, (difference.by_pair[0].value + difference.by_pair[1].value) / 2, 1e-12);
    double mean_of_classes = 0.0;
    for (DifferenceEstimate const& one : difference.classes) {
        mean_of_classes += one.value / kNumClasses;
    }
    EXPECT_NEAR(difference.macro.value, mean_of_classes, 1e-12);
    EXPECT_LT(difference.macro.interval.upper, 0.0);
    EXPECT_GT(difference.macro.interval.upper, difference.macro.value);
    EXPECT_LT(difference.macro.interval.lower, difference.macro.value);
}

TEST(PairedDifference, PairingMakesTheIntervalNarrowerThanThatOfOneSide) {
    ScoreTable const baseline = make_table(1, 2.0);
    ScoreTable other = baseline;
    for (std::size_t i = 0; i < other.scores.size(); i += 10) {
        other.scores[i] += 0.01 * to_unit(splitmix64(5, i));  // nearly the same model
    }
    std::vector<ScorePair> const near = {{baseline, other}};
    std::vector<ScorePair> const far = {{baseline, make_table(2, 2.0)}};
    EXPECT_LT(paired_auroc_difference(near, {.num_replicates = 100}).macro.interval.width(),
              0.2 * paired_auroc_difference(far, {.num_replicates = 100}).macro.interval.width());
}

TEST(PairedDifference, SeveralSeedsPutTheirSpreadIntoTheInterval) {
    ScoreTable const good = make_table(1, 1.5);
    ScoreTable const bad = make_table(2, 4.0);
    std::vector<ScorePair> const steady = {{good, bad}, {good, bad}};
    std::vector<ScorePair> const unsteady = {{good, bad}, {bad, good}};
    PairedDifference const spread = paired_auroc_difference(unsteady, {.num_replicates = 200});
    EXPECT_NEAR(spread.macro.value, 0.0, 1e-12);
    EXPECT_GT(spread.macro.interval.width(),
              2 * paired_auroc_difference(steady, {.num_replicates = 200}).macro.interval.width());
}

TEST(PairedDifference, RefusesOtherStudies) {
    ScoreTable other = make_table(1, 2.0);
    other.labels[0] ^= 1U;
    std::vector<ScorePair> const pairs = {{make_table(1, 2.0), other}};
    EXPECT_THAT([&] { paired_auroc_difference(pairs, {}); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("not judged on the same studies")));
}

}  // namespace
}  // namespace ctclip
