// The loader as a program: model inputs of a real CT, memory within the stated bound, a GPU that is not
// there.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/half.hpp"
#include "loader/shard_fixture.hpp"
#include "shard/shard_writer.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

ProcessResult bench_loader(fs::path const& shards, std::string const& configuration,
                           std::vector<std::string> const& more) {
    TempDir const folder;
    std::ofstream(folder / "data.yaml") << "data: {" << configuration << "}\n";
    std::vector<std::string> words{CTCLIP_BIN "/ctclip-bench", "loader", "-q", "--shards", shards, "--config",
                                   folder / "data.yaml"};
    words.insert(words.end(), more.begin(), more.end());
    return run_process(words);
}

std::vector<nlohmann::json> records_of(ProcessResult const& result) {
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<nlohmann::json> records;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
        records.push_back(nlohmann::json::parse(line));
    }
    return records;
}

TEST(BenchLoader, WithoutShardsIsAUsageError) {
    ProcessResult const result = run_process({CTCLIP_BIN "/ctclip-bench", "loader"});
    EXPECT_EQ(result.exit_code, 64);
    EXPECT_THAT(result.err, HasSubstr("--shards: is missing (or --volumes)"));
}

/// x is cropped, y and z are padded; expected hashes are those of the Python reference.
TEST(RealCt, BecomesTheModelInputOfTheReference) {
    TempDir const dir;
    fs::path const set = fs::path(CTCLIP_TEST_DATA) / "convert" / "real_ct";
    ProcessResult const converted = run_process(
        {CTCLIP_BIN "/ctclip-convert", "-q", "--volumes", set / "npz", "--reports", set / "reports.csv",
         "--metadata", set / "metadata.csv", "--labels", set / "labels.csv", "--output", dir / "shards"});
    ASSERT_EQ(converted.exit_code, 0) << converted.err;
    auto const sha256 = [&](std::string const& configuration) {
        std::vector<nlohmann::json> const records =
            records_of(bench_loader(dir / "shards", configuration, {"--digests"}));
        return records.size() == 1 ? records.front().at("sha256").get<std::string>() : "not one volume";
    };
    EXPECT_EQ(sha256("clip_order: clip_resize"),
              "a5dc21084662ce4dc4d39601d99001266e99a9fa972270f8d7622ad77244258d");
    EXPECT_EQ(sha256("clip_order: resize_clip"),
              "e9d55f19e9eaa3e15f15d2981adfc70d03ad4cfb690516a71a50f634f697f67f");
}

/// A shard of volumes of 112^3 voxels, 2.8 MB: large enough for pages of their own, as real ones are.
void write_shard(fs::path const& path, std::size_t num_samples) {
    ShardWriter writer(path, "");
    for (std::size_t position = 0; position < num_samples; ++position) {
        SampleMetadata metadata = make_sample(0, position).metadata;
        metadata.volume_shape = {112, 112, 112};
        std::vector<std::uint16_t> const voxels(std::size_t{112} * 112 * 112, half_from(100.0));
        writer.add(sample_key(0, position), metadata, voxels, "", std::vector<float>(kNumLabels),
                   std::nullopt);
    }
    writer.commit();
}

class PeakMemory : public testing::TestWithParam<char const*> {};

TEST_P(PeakMemory, StaysWithinTheStatedBound) {
    TempDir const dir;
    write_shard(dir / "shard-000000.tar", 8);
    auto const run = [&](std::string const& sizes) {
        return bench_loader(dir / "shard-000000.tar",
                            fmt::format("preprocess_on: {}, shuffle: false, target_shape: [80, 96, 96], {}",
                                        GetParam(), sizes),
                            {"--repeats", "12"});
    };
    ProcessResult const small = run("batch_size: 1, num_workers: 1, prefetch_factor: 1");
    ProcessResult const large = run("batch_size: 8, num_workers: 4, prefetch_factor: 3");
    std::vector<nlohmann::json> const records = records_of(large);
    ASSERT_EQ(records.size(), 12U);
    auto const bound_bytes = records.back().at("memory_bound_bytes").get<std::int64_t>();
    std::int64_t const grown_bytes = large.peak_memory_bytes - small.peak_memory_bytes;
    EXPECT_LE(grown_bytes, bound_bytes);
    EXPECT_GE(grown_bytes, bound_bytes / 2);  // the bound means something: most of it was used
}

INSTANTIATE_TEST_SUITE_P(Places, PeakMemory, testing::Values("cpu", "device"),
                         [](auto const& test) { return std::string(test.param); });

TEST(BenchLoader, SaysWhereTimeGoes) {
    ShardFixture const shards(1, 4);
    nlohmann::json const record =
        records_of(bench_loader(shards.folder(), "batch_size: 2, target_shape: [10, 16, 12]", {})).at(0);
    double const busy_ms = record.at("busy_ms_per_volume");
    double sum_ms = 0.0;
    for (char const* const stage : {"read", "checksum", "preprocess", "text"}) {
        sum_ms += record.at(fmt::format("{}_ms_per_volume", stage)).get<double>();
    }
    EXPECT_GT(record.at("checksum_ms_per_volume").get<double>(), 0.0);
    EXPECT_NEAR(sum_ms, busy_ms, 1e-6);
}

TEST(BenchLoader, WithoutAGpuSaysSoAndThatNothingWasMeasured) {
    ShardFixture const shards(1, 2);
    ProcessResult const result = bench_loader(shards.folder(), "target_shape: [10, 16, 12]", {"--gpu"});
    if (result.exit_code == 0) {
        GTEST_SKIP() << "there is a GPU, and it was measured: " << result.out;
    }
    EXPECT_EQ(result.exit_code, 69);
    EXPECT_THAT(result.err, HasSubstr("--gpu, but this"));
    EXPECT_EQ(result.out, "");
}

}  // namespace
}  // namespace ctclip
