// Studies read from their volumes and CSVs, held against the same studies converted to shards.
#include "loader/volume_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "convert/made_dataset.hpp"
#include "loader/batch_loader.hpp"
#include "loader/dataset.hpp"
#include "loader/shard_fixture.hpp"
#include "nifti/made_nifti.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Scanner units of study `index`, not all of them exact in fp16.
double made_value(int index, std::size_t voxel) {
    std::uint64_t const bits = splitmix64(static_cast<std::uint64_t>(index), voxel);
    return static_cast<double>(bits % 4096) / (index % 2 == 0 ? 1.0 : 3.0);
}

template <class T>
std::vector<T> made_voxels(int index, VolumeShape const& shape) {
    std::vector<T> voxels(static_cast<std::size_t>(num_voxels(shape)));
    for (std::size_t voxel = 0; voxel < voxels.size(); ++voxel) {
        voxels[voxel] = static_cast<T>(made_value(index, voxel));
    }
    return voxels;
}

class VolumeSourceTest : public testing::Test {
  protected:
    VolumeSourceTest() {
        for (int study = 0; study < 5; ++study) {
            VolumeShape const shape{9 + study, 8, 6 + study % 3};
            dataset_.write_volume(study, made_voxels<float>(study, shape), shape);
        }
        write_fortran_big_endian(1);
        write_nifti(4);
        dataset_.write_csvs(-1024.0);
    }

    VolumeFolder folder() const {
        ConvertOptions const& options = dataset_.options;
        return {.volumes = options.volumes,
                .reports = options.reports,
                .metadata = options.metadata,
                .labels = options.labels};
    }
    VolumeReading reading() const {
        ConvertOptions const& options = dataset_.options;
        return {.npz_key = options.npz_key, .rescale = options.rescale, .nifti_orientation = options.nifti_orientation};
    }
    std::shared_ptr<SampleSource const> open_volumes() const {
        return open_dataset({.shards = "", .folder = folder(), .reading = reading()});
    }
    std::shared_ptr<SampleSource const> open_converted() {
        std::filesystem::remove_all(dataset_.options.output);
        dataset_.run();
        return open_dataset({.shards = dataset_.options.output.string(), .folder = {}, .reading = {}});
    }

    void write_fortran_big_endian(int study) const {
        VolumeShape const shape{7, 8, 9};
        std::vector<double> const values = made_voxels<double>(study, shape);
        std::vector<std::uint64_t> stored;
        for (double const value : values) {
            stored.push_back(__builtin_bswap64(std::bit_cast<std::uint64_t>(value)));
        }
        std::filesystem::remove(dataset_.volume_path(study));
        write_npz(dataset_.volume_path(study), "volume", DType::kF64, {7, 8, 9},
                  {.order = ArrayOrder::kFortran, .byte_order = ByteOrder::kBig},
                  std::as_bytes(std::span(stored)));
    }

    void write_nifti(int study, MadeNifti made = {}) const {
        std::filesystem::remove(dataset_.volume_path(study));
        made.size = {6, 7, 8};
        for (std::size_t voxel = 0; voxel < 6 * 7 * 8; ++voxel) {
            made.voxels.push_back(std::floor(made_value(study, voxel)));
        }
        made.write(dataset_.options.volumes / (MadeDataset::study_id(study) + ".nii.gz"));
    }

    MadeDataset dataset_{5};
};

/// All that a model sees, in dataset order. (Keys name places: they differ.)
std::vector<std::string> model_inputs(std::shared_ptr<SampleSource const> source, DataOptions data) {
    data.shuffle = false;
    BatchLoader loader(std::move(source), one_pass(data), small_tokenizer(), {});
    std::vector<std::string> inputs;
    while (BatchLease const batch = loader.next()) {
        auto const add = [&](auto const& values) {
            auto const bytes = std::as_bytes(std::span(values));
            inputs.emplace_back(reinterpret_cast<char const*>(bytes.data()), bytes.size());
        };
        add(batch->volumes);
        add(batch->token_ids);
        add(batch->attention_mask);
        add(batch->labels);
        inputs.insert(inputs.end(), batch->study_ids.begin(), batch->study_ids.end());
    }
    return inputs;
}

TEST_F(VolumeSourceTest, GivesTheModelTheBitsOfTheConvertedStudies) {
    for (RescalePolicy const rescale : {RescalePolicy::kCsv, RescalePolicy::kAlreadyHu}) {
        dataset_.options.rescale = rescale;
        for (ClipOrder const clip_order : {ClipOrder::kClipThenResize, ClipOrder::kResizeThenClip}) {
            DataOptions data = small_data_options();
            data.clip_order = clip_order;
            std::vector<std::string> const converted = model_inputs(open_converted(), data);
            EXPECT_EQ(converted.size(),
                      3U * 6U);  // five studies in batches of two: four inputs and two names each
            EXPECT_TRUE(model_inputs(open_volumes(), data) == converted);
        }
    }
}

TEST_F(VolumeSourceTest, DoesSoWithAnyNumberOfThreads) {
    DataOptions data = small_data_options();
    data.num_workers = 0;
    std::vector<std::string> const expected = model_inputs(open_volumes(), data);
    for (std::int64_t const num_workers : {1, 4}) {
        data.num_workers = num_workers;
        data.prefetch_factor = 3;
        EXPECT_TRUE(model_inputs(open_volumes(), data) == expected) << num_workers;
    }
}

TEST_F(VolumeSourceTest, ChecksTheRescalingWhereTold) {
    dataset_.options.rescale = RescalePolicy::kAuto;
    HostBuffer buffer;
    EXPECT_EQ(open_volumes()->read(0, buffer).metadata.rescale_intercept, -1024.0);
    VolumeShape const shape{9, 8, 6};
    std::vector<float> voxels = made_voxels<float>(0, shape);
    std::ranges::transform(voxels, voxels.begin(), [](float voxel) { return voxel - 1024.0F; });
    dataset_.write_volume(0, voxels, shape);  // HU already
    EXPECT_THAT([&] { open_volumes()->read(0, buffer); },
                ThrowsMessage<Error>(HasSubstr(dataset_.volume_path(0).string())));
}

TEST_F(VolumeSourceTest, WarnsOnceOfAFileWhoseSpacingIsNotTheCsvs) {
    auto const source = open_volumes();
    HostBuffer buffer;
    testing::internal::CaptureStderr();
    source->read(4, buffer);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("0.5 x 0.5 x 1.5 mm"));
    testing::internal::CaptureStderr();
    source->read(4, buffer);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(VolumeSourceTest, RefusesANiftiThatContradictsItselfUnlessTheSformIsTrusted) {
    HostBuffer buffer;
    SourceSample const expected = open_volumes()->read(4, buffer);
    std::vector<std::uint16_t> const expected_voxels(expected.voxels.begin(), expected.voxels.end());
    MadeNifti made;
    made.has_qform = true;  // RAS, the sform LPS
    write_nifti(4, made);
    EXPECT_THAT([&] { open_volumes()->read(4, buffer); }, ThrowsMessage<Error>(HasSubstr("data. or evaluate.")));
    dataset_.options.nifti_orientation = OrientationPolicy::kSform;
    auto const source = open_volumes();
    testing::internal::CaptureStderr();
    EXPECT_TRUE(std::ranges::equal(source->read(4, buffer).voxels, expected_voxels));
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("The sform counts"));
    testing::internal::CaptureStderr();
    source->read(4, buffer);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "once is enough";
}

TEST_F(VolumeSourceTest, LeavesOutVolumesWithoutRowsWithAWarning) {
    std::filesystem::copy_file(dataset_.volume_path(0), dataset_.options.volumes / "stranger.npz");
    testing::internal::CaptureStderr();
    auto const source = open_volumes();
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("1 volumes have no rows in the CSVs"));
    EXPECT_EQ(source->size(), 5);
}

TEST_F(VolumeSourceTest, ADamagedVolumeIsNamedAndCanBeReplaced) {
    auto const source = open_volumes();
    {
        std::fstream file(dataset_.volume_path(2), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(400);
        file.write("damage", 6);
    }
    HostBuffer buffer;
    EXPECT_THAT([&] { source->read(2, buffer); },
                ThrowsMessage<Error>(HasSubstr(dataset_.volume_path(2).string())));

    DataOptions data = small_data_options();
    data.bad_samples = BadSamplePolicy::kReplace;
    BatchLoader loader(source, one_pass(data), nullptr, {});
    while (BatchLease const batch = loader.next()) {
        EXPECT_EQ(std::ranges::count(batch->keys, MadeDataset::study_id(2)), 0);
    }
    EXPECT_EQ(loader.num_bad_samples(), 1);
}

TEST_F(VolumeSourceTest, ADamagedHeaderIsFoundBeforeAnythingStarts) {
    std::filesystem::resize_file(dataset_.volume_path(3), 100);
    EXPECT_THAT([&] { open_volumes(); },
                ThrowsMessage<Error>(AllOf(HasSubstr(dataset_.volume_path(3).string()),
                                           HasSubstr("data.bad_samples covers what is found later"))));
}

TEST_F(VolumeSourceTest, VoxelsBeyondFloat16AreRefused) {
    dataset_.write_volume(0, std::vector<float>(120, 1e6F));
    HostBuffer buffer;
    EXPECT_THAT([&] { open_volumes()->read(0, buffer); },
                ThrowsMessage<Error>(HasSubstr(dataset_.volume_path(0).string())));
}

TEST_F(VolumeSourceTest, AVolumeThatChangedSinceTheStartIsRefused) {
    auto const source = open_volumes();
    dataset_.write_volume(0, std::vector<float>(120, 7.0F));
    HostBuffer buffer;
    EXPECT_THAT([&] { source->read(0, buffer); },
                ThrowsMessage<Error>(
                    AllOf(HasSubstr(dataset_.volume_path(0).string()), HasSubstr("when it was listed"))));
}

TEST_F(VolumeSourceTest, TheDigestKnowsContentAndNotPlace) {
    std::string const digest = open_volumes()->digest();
    EXPECT_EQ(open_volumes()->digest(), digest);
    TempDir const elsewhere;
    VolumeFolder moved = folder();
    std::filesystem::copy(moved.volumes, elsewhere / "moved", std::filesystem::copy_options::recursive);
    moved.volumes = elsewhere / "moved";
    EXPECT_EQ(VolumeSource(moved, reading()).digest(), digest);

    EXPECT_NE(VolumeSource(moved, {.rescale = RescalePolicy::kAlreadyHu}).digest(), digest);
    dataset_.write_csvs(-1000.0);
    EXPECT_NE(open_volumes()->digest(), digest);
    dataset_.write_csvs(-1024.0);
    EXPECT_EQ(open_volumes()->digest(), digest);
    VolumeShape const shape{9, 8, 6};
    std::vector<float> voxels = made_voxels<float>(0, shape);
    voxels[17] += 1.0F;
    dataset_.write_volume(0, voxels, shape);
    EXPECT_NE(open_volumes()->digest(), digest);
}

TEST_F(VolumeSourceTest, StatesWhatItNeeds) {
    auto const source = open_volumes();
    EXPECT_EQ(source->largest_volume_bytes(), std::uint64_t{11 * 8 * 8 * 2});
    EXPECT_GE(source->scratch_bytes_per_thread(), std::uint64_t{11 * 8 * 8 * (4 + 2)});
    std::vector<SampleGroup> const groups = source->groups();
    ASSERT_EQ(groups.size(), 5U);
    EXPECT_EQ(groups[0].num_samples, 1);
    EXPECT_EQ(groups[0].size_bytes, std::filesystem::file_size(dataset_.volume_path(0)));
    EXPECT_EQ(source->describe(4), (dataset_.options.volumes / "train_4_a_1.nii.gz").string());
}

}  // namespace
}  // namespace ctclip
