#include "evaluate/retrieval.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "evaluate/golden_metrics.hpp"

namespace ctclip {

TEST(Retrieval, RanksAndRecallEqualTheReference) {
    for (std::string const name : {"retrieval_n200", "retrieval_ties_n150", "retrieval_n8"}) {
        SCOPED_TRACE(name);
        nlohmann::json const golden = golden_json(name);
        NamedArrays const arrays = golden_arrays(name);
        auto const images = arrays.at("image").as<float>();
        auto const texts = arrays.at("text").as<float>();
        std::size_t const latent_size = golden.at("D");

        ReportRetrieval const retrieval = rank_volumes(images, texts, latent_size);
        EXPECT_EQ(retrieval.rank_of_match, golden.at("rank_of_match").get<std::vector<std::int64_t>>());
        for (auto const& [k, recall] : golden.at("recall").items()) {
            std::optional<double> const actual = retrieval.recall_at(std::stoll(k));
            ASSERT_EQ(actual.has_value(), !recall.is_null()) << k;
            if (actual) {
                EXPECT_NEAR(*actual, recall.get<double>(), kGoldenTolerance) << k;
            }
        }
    }
}

TEST(Retrieval, VolumeToVolumeOverlapIsTheScripts) {
    nlohmann::json const golden = golden_json("volume_to_volume");
    NamedArrays const arrays = golden_arrays("volume_to_volume");
    auto const size = [&](std::string const& name) {
        return static_cast<std::size_t>(arrays.at(name).shape.at(1));
    };
    for (auto const& [k, expected] : golden.at("per_k_alone").items()) {
        expect_near(label_overlap_at(arrays.at("image").as<float>(), size("image"),
                                     arrays.at("labels").as<std::uint8_t>(), size("labels"), std::stoull(k)),
                    expected, "k = " + k);
    }
}

TEST(Retrieval, AnEvaluationReportsWhatItHasVolumesAndLabelsFor) {
    float const nan = std::nanf("");
    std::vector<float> const latents = {1, 0, 0, 1, 1, 1, -1, 0, 0, -1, 1, -1};  // six volumes
    std::vector<float> const labels = {1, 0, 1, 0, 0, 1, nan, nan, 1, 1, 0, 1};  // two classes, five known
    RetrievalMetrics const metrics = measure_retrieval(latents, latents, 2, labels, 2);
    EXPECT_THAT(metrics.report_recall, testing::ElementsAre(testing::Pair(5, 1.0)));
    EXPECT_THAT(metrics.volume_label_overlap, testing::ElementsAre(testing::Pair(1, 1.0), testing::Key(5)));
}

TEST(Retrieval, RefusesLatentsThatDoNotPair) {
    std::vector<float> const three_rows(6, 1.0F);
    std::vector<float> const two_rows(4, 1.0F);
    EXPECT_THAT([&] { rank_volumes(three_rows, two_rows, 2); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("every report needs its volume")));
    EXPECT_THAT([&] { rank_volumes(three_rows, three_rows, 4); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("6 latent values do not make rows of 4")));
}

}  // namespace ctclip
