#include "loader/sample_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace ctclip {
namespace {

std::vector<std::int64_t> indices(SampleOrder const& order) {
    std::vector<std::int64_t> all;
    for (std::int64_t position = 0; position < order.size(); ++position) {
        all.push_back(order.at(position));
    }
    return all;
}

TEST(SampleOrder, UsesEverySampleOnceInEveryEpoch) {
    for (std::int64_t const size : {1, 2, 3, 17, 1000}) {
        for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
            std::vector<std::int64_t> all = indices(SampleOrder(size, SampleShuffle::kGlobal, 7, epoch));
            std::ranges::sort(all);
            for (std::int64_t index = 0; index < size; ++index) {
                ASSERT_EQ(all[static_cast<std::size_t>(index)], index);
            }
        }
    }
}

TEST(SampleOrder, IsAPureFunctionOfSeedAndEpoch) {
    auto const order = [](std::uint64_t seed, std::int64_t epoch) {
        return indices(SampleOrder(100, SampleShuffle::kGlobal, seed, epoch));
    };
    EXPECT_EQ(order(2025, 3), order(2025, 3));
    EXPECT_NE(order(2025, 3), order(2025, 4));
    EXPECT_NE(order(2025, 3), order(2026, 3));
}

/// Runs must be repeatable with later versions. Computed by a separate Python program from the documented
/// formula.
TEST(SampleOrder, NeverChanges) {
    EXPECT_THAT(indices(SampleOrder(10, SampleShuffle::kGlobal, 2025, 0)),
                testing::ElementsAre(0, 3, 1, 7, 5, 8, 6, 4, 9, 2));
    EXPECT_THAT(indices(SampleOrder(10, SampleShuffle::kGlobal, 42, 7)),
                testing::ElementsAre(0, 6, 3, 2, 9, 5, 1, 7, 4, 8));
}

TEST(SampleOrder, EveryOrderIsEquallyLikely) {
    std::map<std::vector<std::int64_t>, int> counts;
    int const num_draws = 24'000;
    for (int epoch = 0; epoch < num_draws; ++epoch) {
        ++counts[indices(SampleOrder(4, SampleShuffle::kGlobal, 1, epoch))];
    }
    ASSERT_EQ(counts.size(), 24U);
    for (auto const& [order, count] : counts) {
        EXPECT_NEAR(count, num_draws / 24, 160);  // five standard deviations
    }
}

TEST(SampleOrder, WithoutShuffleIsDatasetOrder) {
    EXPECT_THAT(indices(SampleOrder(4, SampleShuffle::kNone, 1, 2)), testing::ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace ctclip
