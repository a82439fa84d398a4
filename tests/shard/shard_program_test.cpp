// ctclip-shard as a user or a script meets it: exit codes and machine output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_descriptor.hpp"
#include "convert/made_dataset.hpp"
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

class ShardLsCommand : public testing::TestWithParam<char const*> {};

TEST_P(ShardLsCommand, GivesTheOffsetsOfEveryMember) {
    std::ifstream file(kData / GetParam() / "expected.json");
    for (json const& expected : json::parse(file)) {
        fs::path const shard = kData / expected.at("file").get<std::string>();
        SCOPED_TRACE(shard);
        ProcessResult const result = run_shard_tool({"ls", "--json", shard});
        ASSERT_EQ(result.exit_code, 0) << result.err;
        json const samples = json::parse(result.out).at("samples");
        ASSERT_EQ(samples.size(), expected.at("samples").size());
        for (std::size_t i = 0; i < samples.size(); ++i) {
            json const& truth = expected.at("samples")[i];
            EXPECT_EQ(samples[i].at("key"), truth.at("key"));
            EXPECT_EQ(samples[i].at("study_id"), truth.at("json").at("study_id"));
            ASSERT_EQ(samples[i].at("members").size(), truth.at("members").size());
            for (std::size_t k = 0; k < truth.at("members").size(); ++k) {
                EXPECT_EQ(samples[i].at("members")[k].at("name"), truth.at("members")[k].at("name"));
                EXPECT_EQ(samples[i].at("members")[k].at("offset"), truth.at("members")[k].at("data_offset"));
                EXPECT_EQ(samples[i].at("members")[k].at("size"), truth.at("members")[k].at("size"));
            }
        }
    }
}

/// Pax headers, long names, alphabetical order.
INSTANTIATE_TEST_SUITE_P(Writers, ShardLsCommand, testing::Values("webdataset", "gnutar"),
                         [](auto const& writer) { return std::string(writer.param); });

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

TEST(ShardIndexCommand, SaysWhichIndexStays) {
    TempDir const dir;
    make_shard(dir / "shard-000007.tar");
    ProcessResult const result = run_shard_tool({"index", "--json", dir.path()});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(json::parse(result.out).at("written").size(), 0U);
    EXPECT_EQ(json::parse(result.out).at("kept"), json({dir / "shard-000007.index.json"}));
}

/// Pax headers, alphabetical order, GNU, ustar and old long names, folders: every command takes them, from a
/// file.
TEST(ShardTool, TakesShardsOfPythonAndGnuTarInEveryCommand) {
    for (char const* folder : {"webdataset", "gnutar"}) {
        std::ifstream file(kData / folder / "expected.json");
        for (json const& expected : json::parse(file)) {
            TempDir const dir;
            fs::path const shard = dir / "a.tar";
            fs::copy_file(kData / expected.at("file").get<std::string>(), shard);
            SCOPED_TRACE(expected.at("file"));
            std::size_t const num_samples = expected.at("samples").size();
            json const verified = json::parse(run_shard_tool({"verify", shard, "--json"}).out);
            EXPECT_EQ(verified.at("ok"), true);
            EXPECT_EQ(verified.at("results")[0].at("samples"), num_samples);
            EXPECT_EQ(json::parse(run_shard_tool({"ls", shard, "--json"}).out).at("samples").size(),
                      num_samples);
            EXPECT_EQ(json::parse(run_shard_tool({"stats", shard, "--json"}).out).at("samples"), num_samples);

            std::string const key = expected.at("samples").back().at("key");
            ProcessResult const shown = run_shard_tool({"show", shard, key, "--png", dir / "a.png"});
            EXPECT_EQ(shown.exit_code, 0) << shown.err;
            ProcessResult const picture = run_process(
                {CTCLIP_PEER_PYTHON, CTCLIP_PEER_SCRIPTS "/check_slices.py", shard, key, dir / "a.png"});
            EXPECT_EQ(picture.exit_code, 0) << picture.err;

            ProcessResult const indexed =
                run_shard_tool({"index", dir.path(), "--dali", "--energon", "--wids"});
            EXPECT_EQ(indexed.exit_code, 0) << indexed.err;
            json const again = json::parse(run_shard_tool({"verify", shard, "--json"}).out);
            EXPECT_EQ(again.at("results")[0].at("digests"), true);
        }
    }
}

TEST(ShardVerifyCommand, ComparesEveryVoxelWithTheSources) {
    MadeDataset dataset(3);
    dataset.run();
    fs::path const& shards = dataset.options.output;
    ProcessResult const good = run_shard_tool({"verify", shards, "--sources", dataset.options.volumes});
    EXPECT_EQ(good.exit_code, 0) << good.err;
    EXPECT_THAT(good.out, testing::HasSubstr("every voxel as in its source"));

    std::vector<float> voxels(120, 7.0F);
    dataset.write_volume(2, voxels);
    ProcessResult const bad =
        run_shard_tool({"verify", shards, "--sources", dataset.options.volumes, "--json"});
    EXPECT_EQ(bad.exit_code, 65);
    EXPECT_THAT(bad.err, testing::HasSubstr("train_2_a_1.npz is not the file that was converted"));
    EXPECT_EQ(json::parse(bad.out).at("results")[0].at("sources"), true);
    EXPECT_EQ(run_shard_tool({"verify", shards}).exit_code, 0) << "the shards themselves are good";
}

TEST(ShardVerifyCommand, SeesDamagedIndexesOfOtherLoaders) {
    MadeDataset dataset(3);
    dataset.run();
    fs::path const shard = dataset.options.output / "shard-000000.tar";
    for (auto const& [index, flag] : {std::pair("shard-000000.idx", "--dali"), {"shard-000000.tar.idx", "--energon"}}) {
        EXPECT_EQ(run_shard_tool({"verify", dataset.options.output}).exit_code, 0);
        fs::resize_file(dataset.options.output / index, 20);
        ProcessResult const bad = run_shard_tool({"verify", dataset.options.output});
        EXPECT_EQ(bad.exit_code, 65);
        EXPECT_THAT(bad.err, testing::AllOf(testing::HasSubstr(index), testing::HasSubstr(flag)));
        EXPECT_EQ(run_shard_tool({"index", flag, shard}).exit_code, 0);
    }
    EXPECT_EQ(run_shard_tool({"verify", dataset.options.output}).exit_code, 0);
}

TEST(ShardVerifyCommand, SeesDamagedIndexesOfTheFolder) {
    MadeDataset dataset(3);
    dataset.run();
    for (char const* const name : {"wids.json", ".nv-meta/.info.yaml", "manifest.json"}) {
        fs::path const path = dataset.options.output / name;
        std::string const good = read_text_file(path);
        std::ofstream(path, std::ios::trunc) << "{}";
        ProcessResult const bad = run_shard_tool({"verify", dataset.options.output});
        EXPECT_EQ(bad.exit_code, 65) << name;
        EXPECT_THAT(bad.err, testing::HasSubstr(name));
        std::ofstream(path, std::ios::trunc) << good;
        EXPECT_EQ(run_shard_tool({"verify", dataset.options.output}).exit_code, 0) << name;
    }
}

TEST(ShardVerifyCommand, SaysThatAForeignShardHasNoSourcesOnRecord) {
    ProcessResult const result =
        run_shard_tool({"verify", kData / "clean/shard-000000.tar", "--sources", kData});
    EXPECT_EQ(result.exit_code, 65);
    EXPECT_THAT(result.err, testing::HasSubstr("no index beside it that names its sources"));
}

TEST(ShardReapCommand, DeletesOnlyWithTheWordOfItsDryRun) {
    MadeDataset dataset(3);
    dataset.run();
    std::vector<std::string> const command{"reap", dataset.options.output, "--sources",
                                           dataset.options.volumes, "--json"};
    auto const with = [&](std::string word) {
        std::vector<std::string> words = command;
        words.insert(words.end(), {"--confirm", std::move(word)});
        return run_shard_tool(words);
    };
    ProcessResult const dry = run_shard_tool(command);
    ASSERT_EQ(dry.exit_code, 0) << dry.err;
    json const output = json::parse(dry.out);
    EXPECT_EQ(output.at("schema"), "ctclip.shard.reap/1");
    EXPECT_EQ(output.at("dry_run"), true);
    EXPECT_EQ(output.at("sources"), 3);

    EXPECT_EQ(with("yes").exit_code, 64);
    EXPECT_EQ(content_of(dataset.options.volumes).size(), 3U);
    ProcessResult const wet = with(output.at("confirmation_word"));
    EXPECT_EQ(wet.exit_code, 0) << wet.err;
    EXPECT_TRUE(content_of(dataset.options.volumes).empty());
}

}  // namespace
}  // namespace ctclip
