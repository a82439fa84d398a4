// ctclip-shard as a user or a script meets it: exit codes and machine output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_descriptor.hpp"
#include "shard/made_shard.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

fs::path const kData = fs::path(CTCLIP_TEST_DATA) / "shard";

ProcessResult run_shard_tool(std::vector<std::string> words) {
    words.insert(words.begin(), CTCLIP_BIN "/ctclip-shard");
    return run_process(std::move(words));
}

TEST(ShardVerifyCommand, EndsWith0ForGoodShardsOfAnyWriter) {
    for (char const* folder : {"clean", "webdataset", "gnutar"}) {
        ProcessResult const result = run_shard_tool({"verify", kData / folder});
        EXPECT_EQ(result.exit_code, 0) << result.err;
    }
}

TEST(ShardVerifyCommand, EndsWith65AndNamesAllThatIsWrong) {
    ProcessResult const result =
        run_shard_tool({"verify", kData / "damaged/missing_txt.tar", kData / "damaged/GOOD.tar",
                        kData / "damaged/gzip.tar", "--json"});
    EXPECT_EQ(result.exit_code, 65);
    EXPECT_THAT(result.err,
                testing::AllOf(testing::HasSubstr("missing_txt.tar"), testing::HasSubstr("gzip.tar")));
    json const output = json::parse(result.out);
    EXPECT_EQ(output.at("schema"), "ctclip.shard.verify/1");
    EXPECT_EQ(output.at("ok"), false);
    EXPECT_EQ(output.at("results").size(), 3U);
    EXPECT_EQ(output.at("results")[1].at("samples"), 3);
}

TEST(ShardVerifyCommand, MissesNoShardThatTheManifestPromises) {
    TempDir const dir;
    make_shard(dir / "shard-000007.tar");
    std::ofstream(dir / "manifest.json")
        << R"({"num_shards": 2, "samples_per_shard": 2, "total_samples": 4})";
    ProcessResult const result = run_shard_tool({"verify", dir.path()});
    EXPECT_EQ(result.exit_code, 65);
    EXPECT_THAT(result.err, testing::HasSubstr("counts 2 shards with 4 samples"));
}

TEST(ShardLsCommand, GivesTheOffsetsOfEveryMember) {
    std::ifstream file(kData / "gnutar/expected.json");
    for (json const& expected : json::parse(file)) {
        fs::path const shard = kData / expected.at("file").get<std::string>();
        ProcessResult const result = run_shard_tool({"ls", "--json", shard});
        ASSERT_EQ(result.exit_code, 0) << result.err;
        json const samples = json::parse(result.out).at("samples");
        ASSERT_EQ(samples.size(), expected.at("samples").size());
        for (std::size_t i = 0; i < samples.size(); ++i) {
            json const& truth = expected.at("samples")[i];
            EXPECT_EQ(samples[i].at("key"), truth.at("key"));
            EXPECT_EQ(samples[i].at("study_id"), truth.at("json").at("study_id"));
            for (std::size_t k = 0; k < truth.at("members").size(); ++k) {
                EXPECT_EQ(samples[i].at("members")[k].at("name"), truth.at("members")[k].at("name"));
                EXPECT_EQ(samples[i].at("members")[k].at("offset"), truth.at("members")[k].at("data_offset"));
                EXPECT_EQ(samples[i].at("members")[k].at("size"), truth.at("members")[k].at("size"));
            }
        }
    }
}

TEST(ShardShowCommand, DescribesASampleAndDrawsIt) {
    TempDir const dir;
    make_shard(dir / "shard-000007.tar");
    ProcessResult const result = run_shard_tool(
        {"show", dir / "shard-000007.tar", "valid_1_a_1", "--json", "--png", dir / "slices.png"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    json const output = json::parse(result.out);
    EXPECT_EQ(output.at("key"), "000007_000000");
    EXPECT_EQ(output.at("volume_shape"), json({2, 3, 4}));
    EXPECT_EQ(output.at("abnormalities"), json({"Pericardial effusion"}));
    EXPECT_FALSE(output.contains("report")) << "patient text only when asked for";
    EXPECT_THAT(read_text_file(dir / "slices.png"), testing::StartsWith("\x89PNG"));

    EXPECT_EQ(run_shard_tool({"show", dir / "shard-000007.tar", "nobody"}).exit_code, 65);
}

TEST(ShardStatsCommand, CountsSamplesAndLabels) {
    TempDir const dir;
    make_shard(dir / "shard-000007.tar");
    json const output = json::parse(run_shard_tool({"stats", "--json", dir.path()}).out);
    EXPECT_EQ(output.at("samples"), 2);
    EXPECT_EQ(output.at("positive_labels").at("Pericardial effusion"), 2);
}

TEST(ShardIndexCommand, LetsVerifySeeABitFlipInAForeignShard) {
    TempDir const dir;
    fs::path const shard = dir / "a.tar";
    fs::copy_file(kData / "webdataset/tarwriter.tar", shard);
    EXPECT_EQ(run_shard_tool({"index", shard, "--dali", "--energon"}).exit_code, 0);
    EXPECT_TRUE(fs::exists(dir / "a.index.json"));
    EXPECT_TRUE(fs::exists(dir / "a.idx"));
    EXPECT_TRUE(fs::exists(dir / "a.tar.idx"));
    std::fstream(shard, std::ios::in | std::ios::out).seekp(1600).put('!');
    EXPECT_EQ(run_shard_tool({"verify", shard}).exit_code, 65);
}

}  // namespace
}  // namespace ctclip
