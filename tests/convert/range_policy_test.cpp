// Voxels that fp16 cannot hold: what each policy does with each kind, and what the ledgers say of it in the
// end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/half.hpp"
#include "convert/made_dataset.hpp"
#include "shard/shard_reader.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Kind {
    char const* name;
    float value;
    std::uint16_t saturated;  ///< 0: no number stands for it
};

class RangePolicy : public testing::TestWithParam<Kind> {
  protected:
    /// Study 1 of two has one such voxel, number 77.
    RangePolicy() {
        std::vector<float> voxels(120, 1.0F);
        voxels[77] = GetParam().value;
        dataset_.write_volume(1, voxels);
    }
    nlohmann::json summary() const {
        return nlohmann::json::parse(read_text_file(dataset_.options.output / "conversion.json"));
    }

    MadeDataset dataset_{2};
};

TEST_P(RangePolicy, RejectNamesTheVolumeAndWritesNothingOfIt) {
    EXPECT_THAT([&] { dataset_.run(); }, ThrowsMessage<Error>(HasSubstr("train_1_a_1.npz")));
    EXPECT_FALSE(std::filesystem::exists(dataset_.options.output / "shard-000000.tar"));
}

TEST_P(RangePolicy, SaturateStoresTheEndOfTheRangeAndCountsIt) {
    dataset_.options.out_of_range = OutOfRangePolicy::kSaturate;
    if (GetParam().saturated == 0) {
        EXPECT_THAT([&] { dataset_.run(); }, ThrowsMessage<Error>(HasSubstr("1 voxels are NaN")));
        return;
    }
    dataset_.run();
    ShardReader const reader(dataset_.options.output / "shard-000000.tar");
    std::vector<std::uint16_t> halves(120);
    reader.read_volume(reader.index().samples[1], halves);
    EXPECT_EQ(halves[77], GetParam().saturated);
    EXPECT_EQ(summary().at("ledger").at("saturated_voxels"), 1);
    EXPECT_EQ(summary().at("quarantined"), 0);
}

TEST_P(RangePolicy, QuarantineLeavesTheStudyOutAndSaysSo) {
    dataset_.options.out_of_range = OutOfRangePolicy::kQuarantine;
    dataset_.options.max_quarantined = 1;
    dataset_.run();
    ShardSidecar const sidecar = read_sidecar(dataset_.options.output / "shard-000000.tar");
    ASSERT_EQ(sidecar.samples.size(), 1U);
    ASSERT_EQ(sidecar.quarantined.size(), 1U);
    EXPECT_EQ(sidecar.quarantined[0].study_id, "train_1_a_1");
    EXPECT_EQ(summary().at("quarantined"), 1);
    EXPECT_EQ(summary().at("samples"), 1);
    EXPECT_EQ(summary().at("ledger").at("saturated_voxels"), 0) << "of the samples that are there";
    EXPECT_EQ(summary().at("ledger").at("max"), 119.0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RangePolicy,
                         testing::Values(Kind{"nan", std::numeric_limits<float>::quiet_NaN(), 0},
                                         Kind{"infinity", kInfinity, kHalfMax},
                                         Kind{"minus_infinity", -kInfinity, 0xFBFF},
                                         Kind{"beyond", 65520.0F, kHalfMax}, Kind{"below", -1e30F, 0xFBFF}),
                         [](auto const& kind) { return std::string(kind.param.name); });

TEST(ConversionLedger, OfAllSamplesIsSummedInTheManifest) {
    MadeDataset dataset(3);  // in two shards
    dataset.options.out_of_range = OutOfRangePolicy::kSaturate;
    std::vector<std::vector<float>> studies(3, std::vector<float>(120, 0.0F));
    studies[0][0] = -1024.0F;
    studies[0][1] = 2049.0F;  // becomes 2048
    studies[1][5] = 3071.0F;  // becomes 3072
    studies[1][6] = 0.1F;
    studies[2][7] = 4098.0F;  // becomes 4096 or 4100: 2 off
    studies[2][8] = 70'000.0F;
    for (int i = 0; i < 3; ++i) {
        dataset.write_volume(i, studies[static_cast<std::size_t>(i)]);
    }
    dataset.run();
    auto const summary = nlohmann::json::parse(read_text_file(dataset.options.output / "conversion.json"));
    auto const& ledger = summary.at("ledger");
    EXPECT_EQ(ledger.at("min"), -1024.0);
    EXPECT_EQ(ledger.at("max"), 70'000.0);
    EXPECT_EQ(ledger.at("inexact_voxels"), 4);
    EXPECT_EQ(ledger.at("worst_abs_error"), 2.0);
    EXPECT_EQ(ledger.at("saturated_voxels"), 1);

    std::uint64_t source_bytes = 0;
    std::uint64_t shard_bytes = 0;
    for (int i = 0; i < 3; ++i) {
        source_bytes += std::filesystem::file_size(dataset.volume_path(i));
    }
    for (char const* const shard : {"shard-000000.tar", "shard-000001.tar"}) {
        shard_bytes += std::filesystem::file_size(dataset.options.output / shard);
    }
    EXPECT_EQ(summary.at("compression_ratio_logical"), 2.0);  // float32 to float16
    EXPECT_EQ(summary.at("compression_ratio_on_disk"),
              static_cast<double>(source_bytes) / static_cast<double>(shard_bytes));
}

}  // namespace
}  // namespace ctclip
