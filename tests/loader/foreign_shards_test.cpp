// Shards that Python wrote, and shards that something damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "kernels/preprocess.hpp"
#include "loader/batch_loader.hpp"
#include "loader/shard_fixture.hpp"
#include "loader/shard_list.hpp"
#include "shard/shard_indexer.hpp"
#include "support/damaged_shard.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::shared_ptr<ShardSource const> open_test_shard(std::string const& name) {
    std::vector<std::filesystem::path> const paths{std::filesystem::path(CTCLIP_TEST_DATA) / "loader" / name};
    return std::make_shared<ShardSource const>(paths);
}

/// The golden preprocessed shards hold 24 x 20 x 10 voxels (x, y, z).
LoaderOptions options_for_preprocessed() {
    LoaderOptions options;
    options.data = small_data_options();
    options.data.shuffle = false;
    options.data.batch_size = 1;
    options.data.target_shape = {10, 24, 20};
    options.remainder = Remainder::kPad;
    options.epochs = Epochs::kOne;
    return options;
}

TEST(PreprocessedShards, AreWidenedAndPermutedOnly) {
    auto const source = open_test_shard("preprocessed_small.tar");
    BatchLoader loader(source, options_for_preprocessed(), nullptr, {});
    HostBuffer buffer;
    std::int64_t index = 0;
    while (BatchLease const batch = loader.next()) {
        SourceSample const sample = source->read(index++, buffer);
        ASSERT_EQ(sample.metadata.layout, VolumeLayout::kPreprocessed);
        std::size_t num_wrong = 0;
        for (std::int32_t z = 0; z < 10; ++z) {
            for (std::int32_t x = 0; x < 24; ++x) {
                for (std::int32_t y = 0; y < 20; ++y) {
                    float const found = batch->volumes[static_cast<std::size_t>((z * 24 + x) * 20 + y)];
                    num_wrong += found == stored_voxel(20, 10, sample.voxels.data(), z, x, y) ? 0 : 1;
                }
            }
        }
        EXPECT_EQ(num_wrong, 0U) << sample.key;
    }
    EXPECT_EQ(index, source->size());
}

TEST(PreprocessedShards, OfAnotherShapeAreRefusedByName) {
    LoaderOptions options = options_for_preprocessed();
    options.data.target_shape = {10, 16, 12};
    BatchLoader loader(open_test_shard("preprocessed_small.tar"), options, nullptr, {});
    EXPECT_THAT([&] { loader.next(); },
                ThrowsMessage<Error>(AllOf(HasSubstr("preprocessed_small.tar: sample 000000_000000"),
                                           HasSubstr("24x20x10"), HasSubstr("data.target_shape"))));
}

TEST(PreprocessedShards, AFlippedBitIsFoundThoughPlanesAreUsedAsTheyAreRead) {
    TempDir const folder;
    std::filesystem::path const shard = folder / "shard.tar";
    std::filesystem::copy_file(std::filesystem::path(CTCLIP_TEST_DATA) / "loader" / "preprocessed_small.tar", shard);
    std::string const index = encode_sidecar(make_sidecar(shard));
    std::ofstream(sidecar_path(shard)) << index;
    damage_member(shard, "000000_000000", "bin");
    BatchLoader loader(std::make_shared<ShardSource const>(std::vector{shard}), options_for_preprocessed(), nullptr,
                       {});
    EXPECT_THAT([&] { loader.next(); },
                ThrowsMessage<Error>(AllOf(HasSubstr("000000_000000.bin"), HasSubstr("is damaged"))));
}

TEST(PreprocessedShards, SamplesWithoutLabelsHaveUnknownLabels) {
    auto const source = open_test_shard("build_script_variant.tar");
    BatchLoader loader(source, options_for_preprocessed(), nullptr, {});
    int num_unlabelled = 0;
    while (BatchLease const batch = loader.next()) {
        num_unlabelled += std::isnan(batch->labels.front()) ? 1 : 0;
    }
    EXPECT_EQ(num_unlabelled, 1);
    int num_labelled = 0;
    for (std::int64_t index = 0; index < source->size(); ++index) {
        num_labelled += source->has_labels(index) ? 1 : 0;
    }
    EXPECT_EQ(num_labelled, source->size() - 1);
}

/// Raw shards of the Python converter, of webdataset's two writers and of GNU tar.
TEST(RawShards, OfEveryForeignWriterReachTheModelAsTheFormulaSays) {
    std::filesystem::path const folder = std::filesystem::path(CTCLIP_TEST_DATA) / "shard";
    std::vector<std::filesystem::path> shards = resolve_shards((folder / "gnutar").string());
    std::ranges::copy(resolve_shards((folder / "clean" / "shard-*.tar").string()),
                      std::back_inserter(shards));
    std::ranges::copy(resolve_shards((folder / "webdataset" / "*writer*.tar").string()),
                      std::back_inserter(shards));
    ASSERT_EQ(shards.size(), 22U);
    LoaderOptions options = options_for_preprocessed();
    options.data.target_shape = {6, 9, 8};
    HostBuffer buffer;
    std::int64_t num_samples = 0;
    for (std::filesystem::path const& shard : shards) {
        auto const source = std::make_shared<ShardSource const>(std::vector{shard});
        if (source->size() == 0) {
            continue;  // the converter leaves an empty shard when all its studies fail
        }
        BatchLoader loader(source, options, small_tokenizer(), {});
        for (std::int64_t index = 0; BatchLease const batch = loader.next(); ++index, ++num_samples) {
            SourceSample const sample = source->read(index, buffer);
            SampleMetadata const& metadata = sample.metadata;
            PreprocessRecipe const recipe =
                make_recipe(plan_geometry(metadata.volume_shape, metadata.xy_spacing_mm,
                                          metadata.z_spacing_mm, options.data.target_grid()),
                            metadata.rescale_slope, metadata.rescale_intercept, options.data.clip_order);
            std::size_t num_wrong = 0;
            for (std::int32_t voxel = 0; voxel < 6 * 9 * 8; ++voxel) {
                float const expected =
                    preprocessed_voxel(recipe, sample.voxels.data(), voxel / 72, voxel / 8 % 9, voxel % 8);
                float const found = batch->volumes[static_cast<std::size_t>(voxel)];
                num_wrong += found == expected || (std::isnan(found) && std::isnan(expected)) ? 0 : 1;
            }
            EXPECT_EQ(num_wrong, 0U) << source->describe(index);
            EXPECT_EQ(batch->study_ids.front(), metadata.study_id);
            EXPECT_TRUE(std::ranges::equal(batch->labels, sample.labels));
        }
    }
    EXPECT_GT(num_samples, 40);
}

/// Everything a shard says, or nothing if it is refused.
std::optional<std::vector<std::string>> content_of(std::filesystem::path const& shard) {
    try {
        ShardSource const source(std::vector{shard});
        HostBuffer buffer;
        std::vector<std::string> content;
        for (std::int64_t index = 0; index < source.size(); ++index) {
            SourceSample const sample = source.read(index, buffer);
            auto const bytes = std::as_bytes(sample.voxels);
            content.emplace_back(reinterpret_cast<char const*>(bytes.data()), bytes.size());
            content.push_back(sample.key + sample.metadata.study_id + sample.report);
        }
        return content;
    } catch (Error const& error) {
        EXPECT_THAT(error.what(), HasSubstr(shard.filename().string()));
        return std::nullopt;
    }
}

TEST(DamagedShards, AFlippedBitIsFoundOrChangesNothing) {
    ShardFixture const shards(1, 2);
    std::filesystem::path const shard = shards.shard(0);
    auto const original = content_of(shard);
    ASSERT_TRUE(original.has_value());
    auto const size_bytes = static_cast<std::int64_t>(std::filesystem::file_size(shard));
    int num_found = 0;
    for (std::int64_t offset = 0; offset < size_bytes; offset += 61) {
        auto const flip = [&] {
            std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
            file.seekg(offset);
            auto const byte = static_cast<char>(file.get() ^ (1 << offset % 8));
            file.seekp(offset);
            file.put(byte);
        };
        flip();
        auto const content = content_of(shard);
        num_found += content.has_value() ? 0 : 1;
        EXPECT_TRUE(!content || content == original) << "byte " << offset;
        flip();
    }
    EXPECT_GT(num_found, 20);
}

TEST(DamagedShards, AShardThatIsCutWhileItIsInUseIsNamedAndCanBeReplaced) {
    ShardFixture const shards(2, 4);
    LoaderOptions options;
    options.data = small_data_options();
    options.data.shuffle = false;
    options.data.num_workers = 0;
    BatchLoader strict(shards.open(), options, nullptr, {});
    options.data.bad_samples = BadSamplePolicy::kReplace;
    BatchLoader patient(shards.open(), options, nullptr, {});
    std::filesystem::resize_file(shards.shard(1), 1000);
    auto const take = [](BatchLoader& loader) {
        for (int batch = 0; batch < 4; ++batch) {
            loader.next();
        }
    };
    EXPECT_THAT([&] { take(strict); }, ThrowsMessage<Error>(HasSubstr("shard-000001.tar")));
    take(patient);
    EXPECT_EQ(patient.num_bad_samples(), 4);
}

TEST(DamagedShards, ATruncatedShardIsRefusedAtEveryLength) {
    ShardFixture const shards(1, 2);
    std::filesystem::path const shard = shards.shard(0);
    for (auto size_bytes = std::filesystem::file_size(shard) - 1; size_bytes > 700; size_bytes -= 701) {
        std::filesystem::resize_file(shard, size_bytes);
        EXPECT_FALSE(content_of(shard).has_value()) << size_bytes;
    }
}

}  // namespace
}  // namespace ctclip
