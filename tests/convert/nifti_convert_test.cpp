// NIfTI volumes among the others: the same bytes as from an NPZ of the same voxels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "convert/made_dataset.hpp"
#include "nifti/made_nifti.hpp"
#include "shard/shard_reader.hpp"
#include "shard/sidecar.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// The voxels of study 0 (MadeDataset) as float32, the way scanners write them: i to the left, j to the back,
/// k upwards.
MadeNifti study_0(double slope = 0.0) {
    MadeNifti made;
    made.datatype = 16;
    made.size = {6, 5, 4};
    made.affine = {{{-0.75, 0, 0}, {0, -0.75, 0}, {0, 0, 1.5}}};
    made.slope = slope;
    for (int k = 0; k < 4; ++k) {
        for (int j = 0; j < 5; ++j) {
            for (int i = 0; i < 6; ++i) {
                double const value = 20 * i + 4 * j + k;  // C order (x, y, z) counts up
                made.voxels.push_back(slope == 0.0 ? value : value / slope);
            }
        }
    }
    return made;
}

class NiftiConversion : public testing::Test {
  protected:
    void replace_study_0(MadeNifti const& made, std::string const& ending) {
        std::filesystem::remove(dataset_.volume_path(0));
        replace_source(made, ending);
        std::filesystem::remove_all(dataset_.options.output);
    }
    void replace_source(MadeNifti const& made, std::string const& ending) { made.write(source_path(ending)); }
    std::filesystem::path source_path(std::string const& ending) const {
        return dataset_.options.volumes / (MadeDataset::study_id(0) + ending);
    }
    std::string shard() const { return read_text_file(dataset_.options.output / "shard-000000.tar"); }

    MadeDataset dataset_{2};
};

TEST_F(NiftiConversion, GivesTheShardOfAnNpzOfTheSameVoxels) {
    dataset_.run();
    std::string const expected = shard();
    for (auto const& [ending, slope] : {std::pair(".nii", 0.0), std::pair(".nii.gz", 2.0)}) {
        replace_study_0(study_0(slope), ending);
        dataset_.run();
        EXPECT_TRUE(shard() == expected) << ending;
        std::filesystem::remove(dataset_.options.volumes / (MadeDataset::study_id(0) + ending));
    }
}

TEST_F(NiftiConversion, TrustsTheCsvWhereTheHeaderHasAnotherSpacing) {
    dataset_.run();
    std::string const expected = shard();
    MadeNifti made = study_0();
    made.affine[2][2] = 3.0;
    replace_study_0(made, ".nii");
    testing::internal::CaptureStderr();
    dataset_.run();
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("0.75 x 0.75 x 3 mm"));
    EXPECT_TRUE(shard() == expected);
}

TEST_F(NiftiConversion, NamesTheFirstVolumesOfAnotherSpacingAndCountsThemAll) {
    MadeDataset dataset(7);
    MadeNifti made = study_0();
    made.affine[2][2] = 3.0;
    for (int i = 0; i < 5; ++i) {
        std::filesystem::remove(dataset.volume_path(i));
        made.write(dataset.options.volumes / (MadeDataset::study_id(i) + ".nii"));
    }
    testing::internal::CaptureStderr();
    dataset.run();
    std::string const log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr("train_2_a_1.nii: its header says"));
    EXPECT_THAT(log, HasSubstr("Further ones are counted, not named"));
    EXPECT_THAT(log, testing::Not(HasSubstr("train_3_a_1.nii")));
    EXPECT_THAT(log, HasSubstr("5 NIfTI volumes in all have another spacing in their header than in the metadata CSV"));
}

TEST_F(NiftiConversion, RecordsWhatTheHeaderSaid) {
    replace_study_0(study_0(2.0), ".nii.gz");
    dataset_.run();
    ShardSidecar const sidecar = read_sidecar(dataset_.options.output / "shard-000000.tar");
    ASSERT_TRUE(sidecar.samples[0].conversion->nifti.has_value());
    NiftiRecord const& nifti = *sidecar.samples[0].conversion->nifti;
    EXPECT_EQ(nifti.stored_type, DType::kF32);
    EXPECT_EQ(nifti.slope, 2.0);
    EXPECT_EQ(nifti.intercept, 0.0);
    EXPECT_EQ(nifti.orientation, "LPS");
    EXPECT_FALSE(sidecar.samples[1].conversion->nifti.has_value()) << "an NPZ";
}

TEST_F(NiftiConversion, StopsWhereSformAndQformContradictEachOtherUnlessTheSformIsTrusted) {
    dataset_.run();
    std::string const expected = shard();
    MadeNifti made = study_0();
    made.has_qform = true;  // RAS
    replace_study_0(made, ".nii");
    EXPECT_THAT([&] { dataset_.run(); },
                ThrowsMessage<Error>(testing::AllOf(HasSubstr("train_0_a_1.nii"),
                                                    HasSubstr("LPS by the sform, but to RAS by the qform"),
                                                    HasSubstr("convert.nifti_orientation"))));
    dataset_.options.nifti_orientation = OrientationPolicy::kSform;
    testing::internal::CaptureStderr();
    dataset_.run();
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("The sform counts"));
    EXPECT_TRUE(shard() == expected);
}

/// hu_check.hpp has the rule.
TEST_F(NiftiConversion, ScalesTwiceOnlyWhereTheVoxelsAskForIt) {
    dataset_.write_csvs(-1024.0);
    replace_study_0(study_0(2.0), ".nii");
    EXPECT_THAT([&] { dataset_.run(); },
                ThrowsMessage<Error>(testing::AllOf(HasSubstr("scaled twice?"), HasSubstr("slope 2"),
                                                    HasSubstr("intercept -1024"))));
    replace_study_0(study_0(2.0), ".nii");
    dataset_.options.rescale = RescalePolicy::kAuto;
    EXPECT_THAT([&] { dataset_.run(); }, ThrowsMessage<Error>(HasSubstr("cannot tell from its voxels")));

    replace_study_0(study_0(2.0), ".nii");
    dataset_.options.rescale = RescalePolicy::kAlreadyHu;
    dataset_.run();
    ShardReader const reader(dataset_.options.output / "shard-000000.tar");
    SampleMetadata const metadata = reader.read_metadata(reader.index().samples[0]);
    EXPECT_EQ(metadata.rescale_slope, 1.0);
    EXPECT_EQ(metadata.rescale_intercept, 0.0);
    EXPECT_EQ(read_sidecar(reader.index().path).samples[0].conversion->csv_rescale_intercept, -1024.0);
}

/// Plain, scaled, scaled to HU already, and turned.
TEST_F(NiftiConversion, IsVerifiedAgainstItsSource) {
    MadeNifti turned = study_0();
    turned.affine[0][0] = 0.75;
    struct Case {
        MadeNifti made;
        std::string ending;
        RescalePolicy rescale;
    };
    for (Case const& it :
         {Case{study_0(), ".nii", RescalePolicy::kCsv}, Case{study_0(2.0), ".nii.gz", RescalePolicy::kCsv},
          Case{study_0(0.5), ".nii.gz", RescalePolicy::kAlreadyHu}, Case{turned, ".nii", RescalePolicy::kCsv}}) {
        replace_study_0(it.made, it.ending);
        dataset_.options.rescale = it.rescale;
        dataset_.run();
        std::vector<std::string> const verify{CTCLIP_BIN "/ctclip-shard", "verify", dataset_.options.output,
                                              "--sources", dataset_.options.volumes};
        ProcessResult const good = run_process(verify);
        EXPECT_EQ(good.exit_code, 0) << good.out << good.err;

        MadeNifti other = it.made;
        other.voxels[17] += 1.0;
        replace_source(other, it.ending);
        ProcessResult const bad = run_process(verify);
        EXPECT_EQ(bad.exit_code, 65);
        EXPECT_THAT(bad.out + bad.err, HasSubstr(MadeDataset::study_id(0) + it.ending));
        std::filesystem::remove(source_path(it.ending));
    }
}

TEST_F(NiftiConversion, TwoFormatsOfOneStudyAreTwoVolumes) {
    study_0().write(dataset_.options.volumes / (MadeDataset::study_id(0) + ".nii.gz"));
    EXPECT_THAT([&] { dataset_.run(); }, ThrowsMessage<Error>(HasSubstr("two volumes of one study")));
}

}  // namespace
}  // namespace ctclip
