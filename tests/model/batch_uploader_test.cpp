// Volumes on their way to a device: stored in the loader, preprocessed where the model computes. Without a
// GPU the kernel's body runs on the CPU (kernels/preprocess_emulation.hpp); everything else is what a GPU
// goes through too.
#include "model/batch_uploader.hpp"

#include <ATen/Context.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "kernels/golden_volumes.hpp"
#include "loader/shard_fixture.hpp"
#include "model/device_loader.hpp"
#include "shard/shard_writer.hpp"

namespace ctclip {
namespace {

LoaderOptions one_pass(DataOptions const& data, PreprocessPlace place) {
    LoaderOptions options;
    options.data = data;
    options.data.shuffle = false;
    options.data.preprocess_on = place;
    options.remainder = Remainder::kPad;
    options.epochs = Epochs::kOne;
    options.max_tokens = 12;
    return options;
}

std::string sha256_of(at::Tensor const& tensor) {
    at::Tensor const contiguous = tensor.cpu().contiguous();
    return sha256_hex(
        std::span(static_cast<std::byte const*>(contiguous.const_data_ptr()), contiguous.nbytes()));
}

/// What the model would get, batch by batch.
std::vector<std::string> fingerprints(std::shared_ptr<SampleSource const> source,
                                      LoaderOptions const& options, at::ScalarType volume_type = at::kFloat,
                                      at::Device device = at::kCPU) {
    DeviceLoader loader(std::move(source), options, small_tokenizer(), {}, device, volume_type);
    std::vector<std::string> all;
    while (std::optional<UploadedBatch> const uploaded = loader.next()) {
        DeviceBatch const batch = uploaded->rows();
        all.push_back(fmt::format("{} {} {}", sha256_of(batch.volume), sha256_of(batch.text.ids),
                                  sha256_of(batch.text.attention_mask)));
    }
    return all;
}

/// A shard with this one volume.
std::shared_ptr<ShardSource const> store(GoldenVolume const& volume, std::filesystem::path const& folder) {
    SampleMetadata metadata;
    metadata.study_id = volume.name;
    std::ranges::copy(volume.shape_xyz, metadata.volume_shape.begin());
    metadata.rescale_slope = volume.slope;
    metadata.rescale_intercept = volume.intercept;
    metadata.xy_spacing_mm = volume.xy_spacing_mm;
    metadata.xy_spacing = fmt::format("[{}, {}]", volume.xy_spacing_mm, volume.xy_spacing_mm);
    metadata.z_spacing_mm = volume.z_spacing_mm;
    std::vector<std::filesystem::path> const shards{folder / (volume.name + ".tar")};
    ShardWriter writer(shards.front(), "");
    writer.add(sample_key(0, 0), metadata, volume.raw(), "lung", std::vector<float>(kNumLabels),
               std::nullopt);
    writer.commit();
    return std::make_shared<ShardSource const>(shards);
}

TEST(StoredVolumes, BecomeThePythonReferencesModelInputFromShardToDevice) {
    TempDir const folder;
    int num_checked = 0;
    for (GoldenVolume const& volume : golden_volumes()) {
        if (!volume.name.starts_with("tiny")) {
            continue;
        }
        auto const source = store(volume, folder.path());
        DataOptions data = small_data_options();
        data.target_shape.assign(volume.target.shape_zxy.begin(), volume.target.shape_zxy.end());
        for (ClipOrder const order : {ClipOrder::kClipThenResize, ClipOrder::kResizeThenClip}) {
            data.clip_order = order;
            for (PreprocessPlace const place : {PreprocessPlace::kCpu, PreprocessPlace::kDevice}) {
                DeviceLoader loader(source, one_pass(data, place), nullptr, {}, at::kCPU);
                UploadedBatch const uploaded = loader.next().value();  // of two rows: the second is padding
                EXPECT_EQ(uploaded.host().form() == VolumeForm::kStored, place == PreprocessPlace::kDevice);
                at::Tensor const input = uploaded.rows().volume;
                EXPECT_EQ(sha256_of(input.select(0, 0)), volume.expected_sha256(order)) << volume.name;
                EXPECT_TRUE(input.select(0, 1).eq(kPaddingValue).all().item<bool>()) << volume.name;
                ++num_checked;
            }
        }
    }
    EXPECT_EQ(num_checked, 120);
}

TEST(StoredVolumes, OfDifferentSizesAndPaddingGiveTheBatchesOfTheFusedPath) {
    ShardFixture const shards(2, 5);
    DataOptions data = small_data_options();
    data.batch_size = 4;
    std::vector<std::string> const expected =
        fingerprints(shards.open(), one_pass(data, PreprocessPlace::kCpu));
    ASSERT_EQ(expected.size(), 3U);  // the last with two rows of padding
    for (std::int64_t const num_workers : {0, 1, 4}) {
        data.num_workers = num_workers;
        EXPECT_EQ(fingerprints(shards.open(), one_pass(data, PreprocessPlace::kDevice)), expected)
            << num_workers;
    }
}

TEST(StoredVolumes, ThatWerePreprocessedBeforeAreOnlyWidenedAndPermuted) {
    std::vector<std::filesystem::path> const shards{std::filesystem::path(CTCLIP_TEST_DATA) / "loader" /
                                                    "preprocessed_small.tar"};
    auto const source = std::make_shared<ShardSource const>(shards);
    DataOptions data = small_data_options();
    data.target_shape = {10, 24, 20};
    std::vector<std::string> const expected = fingerprints(source, one_pass(data, PreprocessPlace::kCpu));
    ASSERT_FALSE(expected.empty());
    EXPECT_EQ(fingerprints(source, one_pass(data, PreprocessPlace::kDevice)), expected);
}

TEST(StoredVolumes, AreRoundedOnceToTheElementTypeOfTheInput) {
    ShardFixture const shards(1, 3);
    for (at::ScalarType const type : {at::kHalf, at::kBFloat16}) {
        DataOptions const data = small_data_options();
        EXPECT_EQ(fingerprints(shards.open(), one_pass(data, PreprocessPlace::kDevice), type),
                  fingerprints(shards.open(), one_pass(data, PreprocessPlace::kCpu), type));
    }
}

#if defined(CTCLIP_CUDA)
TEST(StoredVolumesOnGpu, GiveTheBatchesOfTheCpu) {
    if (!at::hasCUDA()) {
        GTEST_SKIP() << "no GPU on this machine";
    }
    ShardFixture const shards(2, 20);
    DataOptions data = small_data_options();
    for (at::ScalarType const type : {at::kFloat, at::kHalf, at::kBFloat16}) {
        for (PreprocessPlace const place : {PreprocessPlace::kCpu, PreprocessPlace::kDevice}) {
            EXPECT_EQ(fingerprints(shards.open(), one_pass(data, place), type, at::Device(at::kCUDA, 0)),
                      fingerprints(shards.open(), one_pass(data, place), type));
        }
    }
}
#endif

TEST(UploadedBatch, GivesAnyRowsWithTheirTextTrimmed) {
    ShardFixture const shards(1, 4);
    DataOptions data = small_data_options();
    data.batch_size = 4;
    for (PreprocessPlace const place : {PreprocessPlace::kCpu, PreprocessPlace::kDevice}) {
        DeviceLoader loader(shards.open(), one_pass(data, place), small_tokenizer(), {}, at::kCPU);
        UploadedBatch const uploaded = loader.next().value();
        DeviceBatch const all = uploaded.rows();
        DeviceBatch const some = uploaded.rows({1, 2});
        EXPECT_TRUE(some.volume.equal(all.volume.narrow(0, 1, 2)));
        EXPECT_EQ(some.text.ids.size(1),
                  std::max(uploaded.host().token_counts[1], uploaded.host().token_counts[2]));
        EXPECT_TRUE(some.text.ids.equal(all.text.ids.narrow(0, 1, 2).narrow(1, 0, some.text.ids.size(1))));
    }
}

TEST(UploadedBatch, GivesItsMemoryBackToTheLoaderWithItself) {
    ShardFixture const shards(1, 8);
    DataOptions const data = small_data_options();  // one batch ahead: two in all
    DeviceLoader loader(shards.open(), one_pass(data, PreprocessPlace::kDevice), nullptr, {}, at::kCPU);
    {
        UploadedBatch const first = loader.next().value();
        UploadedBatch const second = loader.next().value();
        EXPECT_THAT([&] { loader.next(); },
                    testing::ThrowsMessage<Error>(testing::HasSubstr("give one back")));
    }
    EXPECT_TRUE(loader.next().has_value());
    EXPECT_TRUE(loader.next().has_value());
    EXPECT_FALSE(loader.next().has_value());
}

TEST(UploadedBatch, OfABorrowedBatchNeedsNoLoader) {
    std::vector<float> voxels{1.0F, 2.0F, 3.0F, 4.0F};
    HostBatch batch;
    batch.shape = {.num_rows = 2, .grid = {.shape_zxy = {1, 1, 2}}, .num_tokens = 0};
    batch.volumes = voxels;
    BatchUploader uploader(at::kCPU);
    UploadedBatch const uploaded = uploader.upload(borrowed(batch));
    EXPECT_EQ(uploaded.rows().volume.const_data_ptr(), voxels.data());  // nothing is copied on the CPU
    EXPECT_FALSE(uploaded.rows().text.ids.defined());
}

TEST(VolumeForm, FollowsTheDeviceUnlessTheConfigurationSays) {
    at::Device const gpu(at::kCUDA, 0);
    EXPECT_EQ(volume_form(PreprocessPlace::kAuto, gpu), VolumeForm::kStored);
    EXPECT_EQ(volume_form(PreprocessPlace::kAuto, at::kCPU), VolumeForm::kModelInput);
    EXPECT_EQ(volume_form(PreprocessPlace::kCpu, gpu), VolumeForm::kModelInput);
    EXPECT_EQ(volume_form(PreprocessPlace::kDevice, at::kCPU), VolumeForm::kStored);
}

}  // namespace
}  // namespace ctclip
