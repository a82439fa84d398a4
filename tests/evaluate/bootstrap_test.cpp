#include "evaluate/bootstrap.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "evaluate/golden_metrics.hpp"

namespace ctclip {

TEST(Bootstrap, RawStreamIsTheLegacyMersenneTwister) {
    nlohmann::json const golden = golden_json("index_stream");
    for (nlohmann::json const& expected : golden.at("streams")) {
        BootstrapIndexStream stream(expected.at("seed"));
        for (nlohmann::json const& raw : expected.at("raw")) {
            EXPECT_EQ(stream.next_raw(), raw);
        }
    }
}

TEST(Bootstrap, IndicesEqualNumpysDrawByDraw) {
    nlohmann::json const golden = golden_json("index_stream");
    for (nlohmann::json const& seeded : golden.at("streams")) {
        for (nlohmann::json const& expected : seeded.at("N")) {
            std::uint32_t const num_samples = expected.at("N");
            SCOPED_TRACE("N = " + std::to_string(num_samples));
            BootstrapIndexStream stream(seeded.at("seed"));
            std::vector<std::uint32_t> first;
            std::size_t const num_first = expected.at("first").size();
            std::size_t const num_replicates = expected.at("replicates");
            std::vector<std::uint64_t> sums;
            std::vector<bool> is_in_first(num_samples, false);
            std::uint32_t last = 0;
            for (std::size_t replicate = 0; replicate < num_replicates; ++replicate) {
                std::uint64_t sum = 0;
                for (std::uint32_t draw = 0; draw < num_samples; ++draw) {
                    last = stream.next(num_samples);
                    sum += last;
                    if (first.size() < num_first) {
                        first.push_back(last);
                    }
                    if (replicate == 0) {
                        is_in_first[last] = true;
                    }
                }
                sums.push_back(sum);
            }
            EXPECT_EQ(first, expected.at("first").get<std::vector<std::uint32_t>>());
            EXPECT_EQ(sums, expected.at("sum_per_replicate").get<std::vector<std::uint64_t>>());
            EXPECT_EQ(std::count(is_in_first.begin(), is_in_first.end(), true),
                      expected.at("unique_in_first"));
            EXPECT_EQ(last, expected.at("last"));
            EXPECT_EQ(stream.next_raw(), expected.at("next_raw_after"))
                << "more or fewer outputs were consumed";
        }
    }
}

TEST(Bootstrap, EveryReplicateHasTheReferencesMacroValues) {
    for (std::string const name : {"n300_f32", "n2_f64", "n3_f64", "n4_f64", "n5_f64", "nonfinite_f64",
                                   "rare_f64", "single_rare_f64", "bootstrap_ties_f32"}) {
        SCOPED_TRACE(name);
        nlohmann::json const golden = golden_json(name);
        NamedArrays const expected = golden_arrays(name + ".replicates");
        ScoreTable const table = golden_table(name);
        std::vector<RankedClass> classes;
        for (std::size_t i = 0; i < table.num_classes(); ++i) {
            classes.emplace_back(table.score_column(i), table.label_column(i), golden.at("threshold"));
        }
        nlohmann::json const& bootstrap = golden.at("bootstrap");
        BootstrapReplicates const replicates = run_bootstrap(
            classes, table.num_samples,
            {.num_replicates = bootstrap.at("n"), .seed = bootstrap.at("seed"), .confidence = 0.95});
        for (std::size_t metric = 0; metric < kNumMetrics; ++metric) {
            std::vector<double> kept;
            for (MetricValues const& values : replicates.macro) {
                if (!std::isnan(values.values[metric])) {
                    kept.push_back(values.values[metric]);
                }
            }
            std::vector<double> const reference = as_doubles(expected.at(std::string(kMetricNames[metric])));
            ASSERT_EQ(kept.size(), reference.size());
            for (std::size_t i = 0; i < kept.size(); ++i) {
                ASSERT_NEAR(kept[i], reference[i], kGoldenTolerance) << kMetricNames[metric] << " " << i;
            }
        }
    }
}

TEST(Bootstrap, PercentilesAreNumpys) {
    nlohmann::json const golden = golden_json("percentile");
    ASSERT_FALSE(golden.empty());
    for (nlohmann::json const& entry : golden) {
        auto values = entry.at("values").get<std::vector<double>>();
        std::sort(values.begin(), values.end());
        EXPECT_EQ(percentile(values, 0.025), entry.at("p2_5"));
        EXPECT_EQ(percentile(values, 0.5), entry.at("p50"));
        EXPECT_EQ(percentile(values, 0.975), entry.at("p97_5"));
    }
}

TEST(Bootstrap, NoReplicatesGiveNoInterval) {
    MetricIntervals const intervals = intervals_of({}, 0.95);
    EXPECT_TRUE(std::isnan(intervals[0].lower));
    EXPECT_EQ(intervals[0].num_replicates, 0);
}

}  // namespace ctclip
