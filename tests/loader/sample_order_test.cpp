#include "loader/sample_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;

OrderOptions global_order(std::int64_t num_samples) {
    return {.num_samples = num_samples, .shuffle = SampleShuffle::kGlobal};
}

OrderOptions window_order(std::vector<SampleGroup> groups, std::uint64_t window_bytes) {
    OrderOptions options{.shuffle = SampleShuffle::kWindow, .window_bytes = window_bytes};
    for (SampleGroup const& group : groups) {
        options.num_samples += group.num_samples;
    }
    options.groups = std::move(groups);
    return options;
}

/// Shards of 1 to 20 samples and 1 to 100 bytes a sample.
std::vector<SampleGroup> made_groups(std::uint64_t seed, std::size_t num_groups) {
    std::vector<SampleGroup> groups;
    for (std::size_t group = 0; group < num_groups; ++group) {
        std::uint64_t const bits = splitmix64(seed, group);
        std::uint64_t const num_samples = 1 + bits % 20;
        groups.push_back({static_cast<std::int64_t>(num_samples), num_samples * (1 + (bits >> 32) % 100)});
    }
    return groups;
}

std::vector<std::int64_t> indices(SampleOrder const& order) {
    std::vector<std::int64_t> all;
    for (std::int64_t position = 0; position < order.size(); ++position) {
        all.push_back(order.at(position));
    }
    return all;
}

/// Every index in [0, num_samples) once.
bool is_permutation_of_all(std::vector<std::int64_t> const& all, std::int64_t num_samples) {
    std::vector<bool> seen(static_cast<std::size_t>(num_samples));
    for (std::int64_t const index : all) {
        if (index < 0 || index >= num_samples || seen[static_cast<std::size_t>(index)]) {
            return false;
        }
        seen[static_cast<std::size_t>(index)] = true;
    }
    return std::ssize(all) == num_samples;
}

/// How far counts are from equal, in standard deviations of what chance gives.
double deviations_from_uniform(std::vector<std::int64_t> const& counts) {
    double total = 0.0;
    for (std::int64_t const count : counts) {
        total += static_cast<double>(count);
    }
    double const expected = total / static_cast<double>(counts.size());
    double chi_square = 0.0;
    for (std::int64_t const count : counts) {
        double const difference = static_cast<double>(count) - expected;
        chi_square += difference * difference / expected;
    }
    auto const degrees = static_cast<double>(counts.size() - 1);
    return (chi_square - degrees) / std::sqrt(2.0 * degrees);
}

TEST(SampleOrder, UsesEverySampleOnceWhateverTheirNumber) {
    for (std::int64_t size = 0; size <= 2000; ++size) {
        ASSERT_TRUE(is_permutation_of_all(indices(SampleOrder(global_order(size), 7, "digest", 3)), size))
            << size;
    }
    for (std::int64_t const size : {65535, 65536, 65537, 300'007}) {
        EXPECT_TRUE(is_permutation_of_all(indices(SampleOrder(global_order(size), 7, "digest", 3)), size))
            << size;
    }
}

TEST(SampleOrder, WindowsUseEverySampleOnceWhateverTheirSize) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::vector<SampleGroup> groups = made_groups(seed, 1 + seed % 30);
        groups.push_back({0, 512});  // an empty shard is a shard
        for (std::uint64_t const window_bytes : {1U, 500U, 2000U, 1'000'000U}) {
            OrderOptions const options = window_order(groups, window_bytes);
            ASSERT_TRUE(
                is_permutation_of_all(indices(SampleOrder(options, seed, "digest", 1)), options.num_samples))
                << seed << ", windows of " << window_bytes;
        }
    }
}

TEST(SampleOrder, DependsOnSeedEpochDatasetAndWindow) {
    auto const global = [](std::uint64_t seed, std::string_view digest, std::int64_t epoch) {
        return indices(SampleOrder(global_order(100), seed, digest, epoch));
    };
    EXPECT_EQ(global(2025, "a", 3), global(2025, "a", 3));
    EXPECT_NE(global(2025, "a", 3), global(2026, "a", 3));
    EXPECT_NE(global(2025, "a", 3), global(2025, "b", 3));
    EXPECT_NE(global(2025, "a", 3), global(2025, "a", 4));
    auto const windows = [](std::uint64_t window_bytes, std::int64_t epoch) {
        return indices(SampleOrder(window_order(made_groups(1, 20), window_bytes), 2025, "a", epoch));
    };
    EXPECT_EQ(windows(2000, 3), windows(2000, 3));
    EXPECT_NE(windows(2000, 3), windows(2000, 4));
    EXPECT_NE(windows(2000, 3), windows(4000, 3));
}

/// Runs must be repeatable with later versions. Computed by a separate Python program from the formulas that
/// keyed_permutation.hpp, window_order.hpp and sample_order.hpp state.
TEST(SampleOrder, NeverChanges) {
    std::string const digest = "abababababababababababababababababababababababababababababababab";
    EXPECT_THAT(indices(SampleOrder(global_order(10), 2025, digest, 0)),
                ElementsAre(0, 5, 3, 1, 2, 8, 6, 9, 4, 7));
    EXPECT_THAT(indices(SampleOrder(global_order(10), 42, "", 7)), ElementsAre(3, 2, 7, 0, 4, 5, 9, 6, 1, 8));
    EXPECT_THAT(
        indices(SampleOrder(window_order({{3, 100}, {2, 60}, {4, 110}, {1, 30}}, 170), 2025, digest, 3)),
        ElementsAre(7, 4, 6, 8, 5, 3, 1, 2, 0, 9));
}

TEST(SampleOrder, EveryOrderOfFewSamplesIsEquallyLikely) {
    std::map<std::vector<std::int64_t>, std::int64_t> counts;
    for (std::int64_t epoch = 0; epoch < 24'000; ++epoch) {
        ++counts[indices(SampleOrder(global_order(4), 1, "digest", epoch))];
    }
    ASSERT_EQ(counts.size(), 24U);
    std::vector<std::int64_t> all;
    for (auto const& [order, count] : counts) {
        all.push_back(count);
    }
    EXPECT_LT(deviations_from_uniform(all), 4.0);
}

/// What a position holds, and how neighbours lie to each other, counted over seeds, epochs and datasets.
TEST(SampleOrder, EverySampleIsEquallyLikelyAtEveryPosition) {
    constexpr std::int64_t kDraws = 4000;
    for (std::int64_t const size : {2, 3, 16, 97, 256}) {
        auto const n = static_cast<std::size_t>(size);
        std::vector<std::vector<std::int64_t>> counts(n, std::vector<std::int64_t>(n));
        std::vector<std::int64_t> distances(n - 1);  // from a position's sample to the next one's
        for (std::int64_t draw = 0; draw < kDraws; ++draw) {
            auto const seed = static_cast<std::uint64_t>(draw % 10);
            SampleOrder const order(global_order(size), seed, draw / 10 % 2 == 0 ? "even" : "odd", draw / 20);
            std::vector<std::int64_t> const all = indices(order);
            for (std::size_t position = 0; position < n; ++position) {
                ++counts[position][static_cast<std::size_t>(all[position])];
            }
            ++distances[static_cast<std::size_t>((all[1] - all[0] + size) % size - 1)];
        }
        for (std::size_t position = 0; position < n; ++position) {
            EXPECT_LT(deviations_from_uniform(counts[position]), 5.0)
                << size << " samples, position " << position;
        }
        if (size > 2) {
            EXPECT_LT(deviations_from_uniform(distances), 5.0) << size;
        }
    }
}

TEST(SampleOrder, AWindowHoldsTheWholeShardsThatFitIntoIt) {
    // Ten shards of ten samples and 100 bytes: three fit into 350 bytes.
    OrderOptions const options = window_order(std::vector<SampleGroup>(10, {10, 100}), 350);
    std::vector<std::int64_t> const all = indices(SampleOrder(options, 5, "digest", 0));
    std::vector<std::int64_t> shards_in_order;
    for (std::size_t first = 0; first < 100; first += 30) {
        std::map<std::int64_t, int> samples_of_shard;
        for (std::size_t position = first; position < std::min<std::size_t>(first + 30, 100); ++position) {
            ++samples_of_shard[all[position] / 10];
        }
        for (auto const& [shard, num_samples] : samples_of_shard) {
            EXPECT_EQ(num_samples, 10);
            shards_in_order.push_back(shard);
        }
        EXPECT_FALSE(std::ranges::is_sorted(std::span(all).subspan(first, 10))) << "not shuffled inside";
    }
    EXPECT_EQ(shards_in_order.size(), 10U);
    EXPECT_FALSE(std::ranges::is_sorted(shards_in_order));
}

TEST(SampleOrder, AShardLargerThanTheWindowIsAWindowOfItsOwn) {
    OrderOptions const options = window_order({{5, 1000}, {5, 1000}, {5, 1000}}, 10);
    std::vector<std::int64_t> const all = indices(SampleOrder(options, 5, "digest", 0));
    for (std::size_t first = 0; first < 15; first += 5) {
        for (std::size_t position = first; position < first + 5; ++position) {
            EXPECT_EQ(all[position] / 5, all[first] / 5);
        }
    }
}

TEST(SampleOrder, WithoutShuffleIsDatasetOrder) {
    OrderOptions const options{.num_samples = 4, .shuffle = SampleShuffle::kNone};
    EXPECT_THAT(indices(SampleOrder(options, 1, "digest", 2)), ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace ctclip
