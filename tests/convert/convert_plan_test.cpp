#include "convert/convert_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "convert/made_dataset.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

ConvertPlan plan_of(ConvertOptions const& options) {
    return ConvertPlan::make(options, StudyTable::load(options.reports, options.metadata, options.labels));
}

TEST(ConvertPlan, SortsStudiesBytewise) {
    MadeDataset const dataset(11);
    ConvertPlan const plan = plan_of(dataset.options);
    std::vector<std::string> ids;
    for (PlannedStudy const& study : plan.studies()) {
        ids.push_back(study.study_id);
    }
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    EXPECT_EQ(ids[1], "train_10_a_1");
    EXPECT_EQ(ids[2], "train_1_a_1");
}

TEST(ConvertPlan, IsTheSameAfterItWasOnDisk) {
    MadeDataset const dataset(5);
    ConvertPlan const plan = plan_of(dataset.options);
    ConvertPlan const read = ConvertPlan::parse(plan.encode(), "plan.json");
    EXPECT_EQ(read.encode(), plan.encode());
    EXPECT_EQ(read.sha256(), plan.sha256());
    EXPECT_EQ(read.shards().size(), 3U);
    EXPECT_EQ(read.shards().back().num_studies, 1U);
}

TEST(ConvertPlan, RanksCoverEveryShardOnceAndShareTheBytes) {
    MadeDataset dataset(64);
    dataset.options.samples_per_shard = 1;
    for (int i = 0; i < 64; ++i) {  // 1 to 8 layers of noise: files of different sizes
        auto const layers = static_cast<std::int64_t>(1 + splitmix64(3, static_cast<std::uint64_t>(i)) % 8);
        std::vector<float> voxels(static_cast<std::size_t>(100 * layers));
        for (std::size_t k = 0; k < voxels.size(); ++k) {
            voxels[k] = static_cast<float>(splitmix64(static_cast<std::uint64_t>(i), k) >> 40);
        }
        dataset.write_volume(i, voxels, {10, 10, layers});
    }
    ConvertPlan const plan = plan_of(dataset.options);
    for (int const world_size : {1, 2, 3, 4, 7}) {
        std::map<std::size_t, int> times_assigned;
        std::vector<double> bytes(static_cast<std::size_t>(world_size));
        for (int rank = 0; rank < world_size; ++rank) {
            for (PlannedShard const& shard : plan.shards_of_rank(rank, world_size)) {
                ++times_assigned[shard.shard_index];
                bytes[static_cast<std::size_t>(rank)] +=
                    static_cast<double>(plan.studies()[shard.first_study].source_size_bytes);
            }
        }
        EXPECT_EQ(times_assigned.size(), 64U);
        EXPECT_THAT(times_assigned,
                    testing::Each(testing::Field(&std::pair<std::size_t const, int>::second, 1)));
        double const mean = std::accumulate(bytes.begin(), bytes.end(), 0.0) / world_size;
        EXPECT_LE(*std::max_element(bytes.begin(), bytes.end()), 1.05 * mean) << world_size << " ranks";
    }
}

/// An archive of CT-RATE's size: 47,149 volumes of 150 to 550 MB in shards of 100.
TEST(ConvertPlan, SharesTheBytesOfALargeArchiveOfUnequalVolumes) {
    std::string studies;
    for (std::uint64_t i = 0; i < 47'149; ++i) {
        studies += fmt::format(R"({}{{"study_id":"s{}","source":"s{}.npz","size":{}}})", i == 0 ? "" : ",", i,
                               i, 150'000'000 + splitmix64(5, i) % 400'000'000);
    }
    ConvertPlan const plan = ConvertPlan::parse(
        fmt::format(
            R"({{"schema":"ctclip.convert_plan/1","settings":{{"convert.samples_per_shard":"100"}},)"
            R"("csv_digests":{{}},"unmatched_volumes":[],"studies_without_volume":[],"studies":[{}]}})",
            studies),
        "plan.json");
    ASSERT_EQ(plan.shards().size(), 472U);
    for (int const world_size : {8, 16, 64}) {
        double largest = 0.0;
        double total = 0.0;
        for (int rank = 0; rank < world_size; ++rank) {
            double bytes = 0.0;
            for (PlannedShard const& shard : plan.shards_of_rank(rank, world_size)) {
                for (std::size_t i = 0; i < shard.num_studies; ++i) {
                    bytes += static_cast<double>(plan.studies()[shard.first_study + i].source_size_bytes);
                }
            }
            largest = std::max(largest, bytes);
            total += bytes;
        }
        // Whole shards: 472 of them can be shared out no better than 8 to the busiest of 64 ranks.
        double const of_whole_shards = std::ceil(472.0 / world_size) / (472.0 / world_size);
        EXPECT_LE(largest, std::max(1.05, of_whole_shards + 0.05) * total / world_size)
            << world_size << " ranks";
    }
}

TEST(ConvertPlan, LeavesNoRankOutWhenThereAreFewerShardsThanRanks) {
    MadeDataset const dataset(3);
    ConvertPlan const plan = plan_of(dataset.options);
    std::size_t num_assigned = 0;
    for (int rank = 0; rank < 8; ++rank) {
        num_assigned += plan.shards_of_rank(rank, 8).size();
    }
    EXPECT_EQ(num_assigned, 2U);
}

TEST(ConvertPlan, ListsWhatDoesNotMatch) {
    MadeDataset dataset(3);
    dataset.write_volume(17, std::vector<float>(120));
    std::filesystem::remove(dataset.volume_path(1));
    ConvertPlan const plan = plan_of(dataset.options);
    EXPECT_THAT(plan.unmatched_volumes(), ElementsAre("train_17_a_1.npz"));
    EXPECT_THAT(plan.studies_without_volume(), ElementsAre("train_1_a_1"));

    dataset.options.max_unmatched = 0;
    EXPECT_THAT(
        [&] { plan_of(dataset.options); },
        ThrowsMessage<Error>(AllOf(HasSubstr("1 volumes have no rows"), HasSubstr("train_17_a_1.npz"))));
    dataset.options.max_unmatched = 1;
    dataset.options.max_missing = 0;
    EXPECT_THAT(
        [&] { plan_of(dataset.options); },
        ThrowsMessage<Error>(AllOf(HasSubstr("1 studies of the CSVs have no volume"), HasSubstr("train_1_a_1"))));
    dataset.options.max_missing = 1;
    EXPECT_EQ(plan_of(dataset.options).studies().size(), 2U);
    dataset.run();
    dataset.options.max_missing = 0;
    EXPECT_THAT([&] { dataset.run(); }, ThrowsMessage<Error>(HasSubstr("convert.max_missing"))) << "going on too";
}

TEST(ConvertPlan, RefusesAStudyWhoseVolumeIsNoFile) {
    MadeDataset dataset(3);
    std::filesystem::remove(dataset.volume_path(1));
    std::filesystem::create_symlink("/not/mounted/train_1_a_1.npz", dataset.volume_path(1));
    EXPECT_THAT([&] { plan_of(dataset.options); },
                ThrowsMessage<Error>(AllOf(HasSubstr("1 studies of the CSVs"),
                                           HasSubstr("train_1_a_1.npz (a symbolic link to nothing)"))));
}

TEST(ConvertPlan, TellsWhatIsNoFile) {
    MadeDataset dataset(3);
    std::filesystem::create_directories(dataset.volume_path(17));
    std::filesystem::create_symlink("/not/mounted", dataset.options.volumes / "more");
    testing::internal::CaptureStderr();
    EXPECT_EQ(plan_of(dataset.options).studies().size(), 3U);
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                AllOf(HasSubstr("2 entries are passed over"),
                      HasSubstr("more (a symbolic link to nothing), train_17_a_1.npz (a folder)")));
}

TEST(ConvertPlan, RefusesToPlanNothing) {
    MadeDataset dataset(1);
    std::filesystem::rename(dataset.volume_path(0), dataset.volume_path(5));
    EXPECT_THAT([&] { plan_of(dataset.options); },
                ThrowsMessage<Error>(HasSubstr("nothing would be converted")));
}

TEST(ConvertPlan, NamesEverySettingThatDiffers) {
    MadeDataset dataset(2);
    ConvertPlan const plan = plan_of(dataset.options);
    dataset.options.samples_per_shard = 7;
    dataset.options.rescale = RescalePolicy::kAlreadyHu;
    dataset.options.max_quarantined = 3;  // may change between runs
    auto const compare = [&] {
        plan.require_same_settings(ConvertPlan::settings_of(dataset.options), "out/plan.json");
    };
    EXPECT_THAT(compare, ThrowsMessage<Error>(
                             AllOf(HasSubstr("convert.rescale: the plan has csv, this run already_hu"),
                                   HasSubstr("convert.samples_per_shard: the plan has 2, this run 7"),
                                   testing::Not(HasSubstr("quarantined")))));
}

TEST(ConvertPlan, RefusesATextThatIsNone) {
    for (char const* text : {"", "{}", "[1]", R"({"schema": "ctclip.convert_plan/1"})"}) {
        EXPECT_THROW(ConvertPlan::parse(text, "plan.json"), Error) << text;
    }
}

}  // namespace
}  // namespace ctclip
