#include "shard/shard_indexer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "shard/made_shard.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_set.hpp"
#include "shard/shard_verify.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

fs::path const kData = fs::path(CTCLIP_TEST_DATA) / "shard";

TEST(MakeSidecar, GivesDigestsToShardsOfOthers) {
    TempDir const dir;
    fs::path const shard = dir / "tarwriter.tar";
    fs::copy_file(kData / "webdataset/tarwriter.tar", shard);
    EXPECT_FALSE(verify_shard(shard).has_digests);

    write_durably(sidecar_path(shard), encode_sidecar(make_sidecar(shard)), IfExists::kRefuse);

    EXPECT_TRUE(verify_shard(shard).has_digests);
    ShardReader const reader(shard);
    EXPECT_EQ(reader.read_metadata(reader.index().samples[2]).study_id,
              read_sidecar(shard).samples[2].study_id);
}

TEST(MakeSidecar, RefusesADamagedShard) {
    EXPECT_THROW(make_sidecar(kData / "damaged/missing_json.tar"), Error);
}

TEST(DaliIndex, HasALineOfOffsetsForEachSample) {
    TempDir const dir;
    make_shard(dir / "shard-000007.tar");
    EXPECT_EQ(dali_index(dir / "shard-000007.tar"),
              "v1.2 2\n"
              "bin 512 48 000007_000000.bin json 1536 206 000007_000000.json txt 2560 21 000007_000000.txt "
              "labels 3584 72 000007_000000.labels\n"
              "bin 4608 48 000007_000001.bin json 5632 206 000007_000001.json txt 6656 0 000007_000001.txt "
              "labels 7168 72 000007_000001.labels\n");
}

TEST(DaliIndex, RefusesNamesThatItsFormatCannotHold) {
    TempDir const dir;
    std::ofstream(dir / "a b.bin") << "x";
    ASSERT_EQ(run_process({"tar", "-C", dir.path().string(), "-cf", (dir / "shard.tar").string(), "a b.bin"}).exit_code,
              0);
    EXPECT_THAT([&] { dali_index(dir / "shard.tar"); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("\"a b.bin\" has blanks")));
}

TEST(EnergonIndex, HoldsTheFirstHeaderOfEachSampleAndTheEnd) {
    // Each member of this shard has a pax header before its own: both belong to the member.
    std::string const index = energon_index(kData / "webdataset/tarwriter.tar");
    std::vector<std::uint64_t> offsets(index.size() / 8);
    std::memcpy(offsets.data(), index.data(), index.size());
    ShardIndex const shard = walk_shard(kData / "webdataset/tarwriter.tar");
    EXPECT_THAT(offsets, testing::ElementsAre(0, shard.samples[1].members[0].data_offset - 1536,
                                              shard.samples[2].members[0].data_offset - 1536, 29'184));
    EXPECT_EQ(energon_info({entry_of(kData / "webdataset/tarwriter.tar")}), "shard_counts:\n  \"tarwriter.tar\": 3\n");
}

TEST(WidsIndex, ListsShardsWithTheirSamples) {
    EXPECT_THAT(
        wids_index({entry_of(kData / "webdataset/tarwriter.tar")}),
        testing::AllOf(testing::HasSubstr("\"wids-shard-index-v1\""), testing::HasSubstr("\"nsamples\": 3")));
}

TEST(Manifest, IsHeldAgainstWhatIsThere) {
    TempDir const dir;
    EXPECT_NO_THROW(require_manifest_agrees(dir.path(), 5, 50));
    write_durably(dir / "manifest.json", R"({"num_shards": 5, "samples_per_shard": 10, "total_samples": 50})",
                  IfExists::kReplace);
    EXPECT_NO_THROW(require_manifest_agrees(dir.path(), 5, 50));
    EXPECT_THAT(
        [&] { require_manifest_agrees(dir.path(), 4, 40); },
        testing::ThrowsMessage<Error>(testing::HasSubstr("counts 5 shards with 50 samples, but 4 shards")));
    write_durably(dir / "manifest.json", R"({"total_samples": 3, "failed_shards": []})", IfExists::kReplace);
    EXPECT_NO_THROW(require_manifest_agrees(dir.path(), 4, 40)) << "a script's that counts otherwise";
    EXPECT_EQ(find_missing_shards(dir.path(), 4), "");
}

TEST(Manifest, TellsOfShardsThatAreMissing) {
    TempDir const dir;
    EXPECT_EQ(find_missing_shards(dir.path(), 5), "");
    write_durably(dir / "plan.json", "{}", IfExists::kReplace);
    EXPECT_THAT(find_missing_shards(dir.path(), 5), testing::HasSubstr("is not finished"));
    write_durably(dir / "manifest.json", R"({"num_shards": 5, "samples_per_shard": 10, "total_samples": 50})",
                  IfExists::kReplace);
    EXPECT_EQ(find_missing_shards(dir.path(), 5), "");
    EXPECT_THAT(find_missing_shards(dir.path(), 4), testing::HasSubstr("counts 5 shards, but 4 are there"));
    write_durably(dir / "manifest.json", "", IfExists::kReplace);
    EXPECT_THAT(find_missing_shards(dir.path(), 5), testing::HasSubstr("not valid JSON"));
}

}  // namespace
}  // namespace ctclip
