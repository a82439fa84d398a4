// The program against golden/shards/convert: the Python converter's bytes at every number of ranks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "base/file_descriptor.hpp"
#include "convert/made_dataset.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

fs::path const kData = fs::path(CTCLIP_TEST_DATA) / "convert";

std::vector<std::string> convert_command(int num_ranks, fs::path const& set, fs::path const& volumes,
                                         fs::path const& output, std::string const& samples_per_shard) {
    return {CTCLIP_MPIRUN,
            "--oversubscribe",
            "-n",
            std::to_string(num_ranks),
            CTCLIP_BIN "/ctclip-convert",
            "-q",
            "--data_folder",
            volumes,
            "--reports_file",
            set / "reports.csv",
            "--meta_file",
            set / "metadata.csv",
            "--labels_file",
            set / "labels.csv",
            "--output_dir",
            output,
            "--samples_per_shard",
            samples_per_shard};
}

struct GoldenSet {
    char const* name;
    char const* samples_per_shard;
};

class GoldenConvert : public testing::TestWithParam<GoldenSet> {};

TEST_P(GoldenConvert, HasPythonsBytesOnOneToFourRanks) {
    fs::path const set = kData / GetParam().name;
    std::vector<std::pair<std::string, std::string>> of_one_rank;
    for (int num_ranks = 1; num_ranks <= 4; ++num_ranks) {
        TempDir const dir;
        ProcessResult const result = run_process(
            convert_command(num_ranks, set, set / "input", dir / "shards", GetParam().samples_per_shard));
        ASSERT_EQ(result.exit_code, 0) << result.err;
        auto const written = content_of(dir / "shards");
        for (auto const& expected : content_of(set / "expected")) {
            EXPECT_THAT(written, testing::Contains(expected))
                << expected.first << " on " << num_ranks << " ranks";
        }
        if (num_ranks == 1) {
            of_one_rank = written;
        }
        EXPECT_TRUE(written == of_one_rank) << "every file, sidecars too, on " << num_ranks << " ranks";
    }
}

INSTANTIATE_TEST_SUITE_P(Sets, GoldenConvert,
                         testing::Values(GoldenSet{"basic", "2"}, GoldenSet{"one_layer", "3"},
                                         GoldenSet{"two_layer", "2"}, GoldenSet{"any_key", "2"}),
                         [](auto const& set) { return std::string(set.param.name); });

TEST(RealCt, ConvertsToTheVoxelsOfTheReference) {
    TempDir const dir;
    fs::path const set = kData / "real_ct";
    ProcessResult const result = run_process(convert_command(1, set, set / "npz", dir / "shards", "100"));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, testing::HasSubstr("rounded voxels: 406, worst error 2"));
    std::string const shard = read_text_file(dir / "shards/shard-000000.tar");
    EXPECT_EQ(sha256_hex(std::string_view(shard).substr(512, 2'760'128)),
              "97fa5b47ed93182439f6701b43979b4cfe43d1d91b2931f85fcc02cba1dd6e45");
}

}  // namespace
}  // namespace ctclip
