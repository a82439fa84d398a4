#include "shard/shard_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/fsverity_digest.hpp"
#include "shard/made_shard.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::filesystem::path const kData = std::filesystem::path(CTCLIP_TEST_DATA) / "shard";

/// Reads every sample of a converter's shard and writes it again: the bytes must come back.
void expect_same_bytes_when_rewritten(std::filesystem::path const& original) {
    TempDir const dir;
    ShardReader const reader(original);
    ShardWriter writer(dir / "copy.tar", "");
    for (ShardSample const& sample : reader.index().samples) {
        SampleMetadata const metadata = reader.read_metadata(sample);
        std::vector<std::uint16_t> halves(static_cast<std::size_t>(num_voxels(metadata.volume_shape)));
        reader.read_volume(sample, halves);
        writer.add(sample.key, metadata, halves, reader.read_report(sample), reader.read_labels(sample), {});
    }
    writer.commit();
    EXPECT_TRUE(read_file(dir / "copy.tar") == read_file(original)) << original;
}

TEST(ShardWriter, WritesTheBytesOfThePythonConverter) {
    for (char const* name :
         {"shard-000000.tar", "shard-000001.tar", "shard-000002.tar", "shard-000003.tar"}) {
        expect_same_bytes_when_rewritten(kData / "clean" / name);
    }
}

TEST(ShardWriter, RecordsOffsetsAndDigestsInTheSidecar) {
    TempDir const dir;
    ShardSidecar const sidecar = make_shard(dir / "shard-000007.tar");

    EXPECT_EQ(sidecar.fsverity_sha256, fsverity_sha256_hex(read_file(dir / "shard-000007.tar")));
    EXPECT_EQ(encode_sidecar(read_sidecar(dir / "shard-000007.tar")), encode_sidecar(sidecar));
    ShardIndex const with_digests = index_shard(dir / "shard-000007.tar");
    ShardIndex const walked = walk_shard(dir / "shard-000007.tar");
    ASSERT_EQ(with_digests.samples.size(), 2U);
    EXPECT_EQ(with_digests.samples[1].key, "000007_000001");
    for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t k = 0; k < 4; ++k) {
            EXPECT_EQ(with_digests.samples[i].members[k].data_offset,
                      walked.samples[i].members[k].data_offset);
            EXPECT_TRUE(with_digests.samples[i].members[k].crc32c.has_value());
        }
    }
}

TEST(ShardWriter, LeavesNothingWhenItIsAbandoned) {
    TempDir const dir;
    { ShardWriter const writer(dir / "shard-000000.tar", ""); }
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(ShardWriter, NeverOverwritesAFinishedShard) {
    TempDir const dir;
    make_shard(dir / "shard-000007.tar");
    EXPECT_THAT([&] { make_shard(dir / "shard-000007.tar"); },
                ThrowsMessage<Error>(HasSubstr("never overwritten")));
    EXPECT_TRUE(verify_shard(dir / "shard-000007.tar").has_digests);
}

TEST(ShardWriter, RefusesWhatItsReadersWouldRefuse) {
    TempDir const dir;
    ShardWriter writer(dir / "a.tar", "");
    std::vector<float> const labels(kNumLabels);
    auto const adding = [&](std::string key, std::string report, std::span<float const> some_labels) {
        return [=, &writer] { writer.add(key, made_metadata("x"), made_halves(0), report, some_labels, {}); };
    };
    EXPECT_THAT(adding("a.b", "", labels), ThrowsMessage<Error>(HasSubstr("cannot be a sample's key")));
    EXPECT_THAT(adding("a", "\xff", labels), ThrowsMessage<Error>(HasSubstr("not UTF-8")));
    EXPECT_THAT(adding("a", "", std::span(labels).first(17)), ThrowsMessage<Error>(HasSubstr("17 labels")));
}

TEST(SampleMetadata, OfAPreprocessedVolumeHasOnlyIdentityAndShape) {
    SampleMetadata metadata;
    metadata.layout = VolumeLayout::kPreprocessed;
    metadata.study_id = "train_1_a_1";
    metadata.volume_shape = {480, 480, 240};
    std::string const json = encode_metadata(metadata);
    EXPECT_EQ(json,
              R"({"study_id": "train_1_a_1", "volume_shape": [480, 480, 240], "volume_dtype": "float16"})");
    EXPECT_EQ(parse_metadata(json, "x").layout, VolumeLayout::kPreprocessed);
}

}  // namespace
}  // namespace ctclip
