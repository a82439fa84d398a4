// Volumes whose files cannot be read: the one that stops a conversion, and the ones that it is told to leave out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "convert/made_dataset.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

class DamagedVolume : public testing::Test {
  protected:
    /// Study 1 of four, in two shards.
    void damage(std::string const& content) const {
        std::ofstream(dataset_.volume_path(1), std::ios::binary | std::ios::trunc) << content;
    }
    std::string content() const { return read_text_file(dataset_.volume_path(1)); }
    /// One bit of a voxel, which only the checksum betrays.
    void damage_a_voxel(ArrayOrder order) const {
        fs::remove(dataset_.volume_path(1));
        std::vector<float> const voxels(120, 1.0F);
        write_npz(dataset_.volume_path(1), "data", DType::kF32, {6, 5, 4},
                  {.order = order, .compression = NpzCompression::kStored}, std::as_bytes(std::span(voxels)));
        std::string flipped = content();
        flipped[400] = static_cast<char>(flipped[400] ^ 1);
        damage(flipped);
    }
    void quarantine(std::int64_t max_quarantined) {
        dataset_.options.damaged = DamagedPolicy::kQuarantine;
        dataset_.options.max_quarantined = max_quarantined;
    }
    void expect_quarantined(std::string const& reason) {
        dataset_.run();
        ShardSidecar const sidecar = read_sidecar(dataset_.options.output / "shard-000000.tar");
        ASSERT_EQ(sidecar.samples.size(), 1U);
        ASSERT_EQ(sidecar.quarantined.size(), 1U);
        EXPECT_EQ(sidecar.quarantined[0].study_id, "train_1_a_1");
        EXPECT_THAT(sidecar.quarantined[0].reason, AllOf(HasSubstr("train_1_a_1.npz"), HasSubstr(reason)));
        EXPECT_THAT(sidecar.quarantined[0].reason, Not(HasSubstr(dataset_.options.volumes.string())))
            << "a reason does not depend on where sources are mounted";
        auto const summary = nlohmann::json::parse(read_text_file(dataset_.options.output / "conversion.json"));
        EXPECT_EQ(summary.at("quarantined"), 1);
        EXPECT_EQ(summary.at("samples"), 3);
    }

    MadeDataset dataset_{4};
};

TEST_F(DamagedVolume, EndsTheJobUnlessTold) {
    damage(content().substr(0, 200));
    EXPECT_THAT([&] { dataset_.run(); }, ThrowsMessage<Error>(HasSubstr("train_1_a_1.npz")));
    EXPECT_FALSE(fs::exists(dataset_.options.output / "shard-000000.tar"));
    quarantine(1);  // the way on
    expect_quarantined("");
}

TEST_F(DamagedVolume, IsLeftOutWhenItIsTruncated) {
    damage(content().substr(0, 200));
    quarantine(1);
    expect_quarantined("cannot be read");
}

TEST_F(DamagedVolume, IsLeftOutWhenItIsEmpty) {
    damage("");
    quarantine(1);
    expect_quarantined("cannot be read");
}

TEST_F(DamagedVolume, IsLeftOutWhenOnlyTheChecksumKnows) {
    damage_a_voxel(ArrayOrder::kC);
    quarantine(1);
    expect_quarantined("CRC-32 does not match");
}

TEST_F(DamagedVolume, IsLeftOutWhenItsAxesHaveToBeTurned) {
    damage_a_voxel(ArrayOrder::kFortran);
    quarantine(1);
    expect_quarantined("CRC-32 does not match");
}

TEST_F(DamagedVolume, StillEndsTheJobBeyondTheLimit) {
    damage("no zip");
    quarantine(0);
    EXPECT_THAT([&] { dataset_.run(); },
                ThrowsMessage<Error>(AllOf(HasSubstr("train_1_a_1.npz"), HasSubstr("convert.max_quarantined"))));
}

TEST_F(DamagedVolume, IsNotOneThatIsGone) {
    dataset_.run();
    fs::remove(dataset_.options.output / "shard-000000.tar");
    fs::remove(dataset_.options.output / "shard-000000.index.json");
    fs::remove(dataset_.volume_path(1));
    quarantine(4);
    EXPECT_THAT([&] { dataset_.run(); }, ThrowsMessage<Error>(HasSubstr("train_1_a_1.npz")))
        << "a folder that is not mounted would quarantine everything";
}

TEST_F(DamagedVolume, DoesNotExcuseVoxelsThatPolicyRejects) {
    std::vector<float> voxels(120, 1.0F);
    voxels[7] = 1e6F;
    dataset_.write_volume(1, voxels);
    quarantine(4);
    EXPECT_THAT([&] { dataset_.run(); }, ThrowsMessage<Error>(HasSubstr("beyond the range of float16")));
    dataset_.options.out_of_range = OutOfRangePolicy::kSaturate;
    fs::remove_all(dataset_.options.output);
    dataset_.run();
    ShardSidecar const sidecar = read_sidecar(dataset_.options.output / "shard-000000.tar");
    ASSERT_EQ(sidecar.samples.size(), 2U);
    EXPECT_EQ(sidecar.samples[1].conversion->ledger.num_out_of_range, 1);
}

TEST_F(DamagedVolume, MayBeANifti) {
    fs::remove(dataset_.volume_path(1));
    std::ofstream(dataset_.options.volumes / "train_1_a_1.nii.gz") << "no NIfTI";
    quarantine(1);
    dataset_.run();
    ShardSidecar const sidecar = read_sidecar(dataset_.options.output / "shard-000000.tar");
    ASSERT_EQ(sidecar.quarantined.size(), 1U);
    EXPECT_THAT(sidecar.quarantined[0].reason, HasSubstr("train_1_a_1.nii.gz"));
}

}  // namespace
}  // namespace ctclip
