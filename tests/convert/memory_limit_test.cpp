// convert.memory_limit_mb: the same shards, errors and leftovers as without, in bounded memory.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "convert/made_dataset.hpp"
#include "convert/ranks_of_program.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Less than any process has: every volume is decoded piece by piece.
constexpr std::int64_t kLeastLimitMb = 1;
constexpr VolumeShape kShape{40, 50, 60};  // of float32: two pieces

std::vector<float> made_voxels(int seed) {
    std::vector<float> voxels(static_cast<std::size_t>(num_voxels(kShape)));
    for (std::size_t i = 0; i < voxels.size(); ++i) {
        voxels[i] = static_cast<float>(splitmix64(static_cast<std::uint64_t>(seed), i) % 3000) - 1000.5F;
    }
    return voxels;
}

class MemoryLimit : public testing::Test {
  protected:
    MemoryLimit() {
        for (int i = 0; i < kNumStudies; ++i) {
            dataset_.write_volume(i, made_voxels(i), kShape);
        }
    }

    struct Outcome {
        std::string error;
        std::vector<std::pair<std::string, std::string>> files;
        bool operator==(Outcome const&) const = default;
    };

    Outcome run(std::int64_t limit_mb) {
        fs::remove_all(dataset_.options.output);
        dataset_.options.memory_limit_mb = limit_mb;
        dataset_.written.clear();
        Outcome outcome;
        try {
            dataset_.run();
        } catch (Error const& error) {
            outcome.error = fmt::format("{}: {}", static_cast<int>(error.code()), error.what());
        }
        outcome.files = content_of(dataset_.options.output);
        return outcome;
    }

    /// @return the outcome that both ways have.
    Outcome same_outcome() {
        Outcome whole = run(0);
        Outcome const in_pieces = run(kLeastLimitMb);
        EXPECT_EQ(in_pieces.error, whole.error);
        EXPECT_TRUE(in_pieces.files == whole.files);
        return whole;
    }

    void put_voxels(int study, std::vector<std::pair<std::size_t, float>> const& changes) {
        std::vector<float> voxels = made_voxels(study);
        for (auto const& [index, value] : changes) {
            voxels[index] = value;
        }
        dataset_.write_volume(study, voxels, kShape);
    }

    static constexpr int kNumStudies = 5;
    MadeDataset dataset_{kNumStudies};
};

TEST_F(MemoryLimit, GivesTheSameFilesAndSaysHowTheyWereDecoded) {
    EXPECT_EQ(same_outcome().error, "");
    EXPECT_THAT(dataset_.written, HasSubstr("decoded now: 0 volumes whole (libdeflate), 5 piece by piece (ISA-L)"));
    EXPECT_EQ(run(100'000).error, "");
    EXPECT_THAT(dataset_.written, HasSubstr("5 volumes whole (libdeflate), 0 piece by piece"));
}

TEST_F(MemoryLimit, RejectsWithTheSameWords) {
    put_voxels(3, {{70'000, 1e6F}, {90'000, std::numeric_limits<float>::quiet_NaN()}});
    Outcome const outcome = same_outcome();
    EXPECT_THAT(
        outcome.error,
        HasSubstr("1 voxels are NaN and 1 lie beyond the range of float16 (+-65504); the first is voxel (23, 16, 40)"));
    EXPECT_TRUE(fs::exists(dataset_.options.output / "shard-000000.tar"));
    EXPECT_FALSE(fs::exists(dataset_.options.output / "shard-000001.tar"));
}

TEST_F(MemoryLimit, SaturatesTheSameVoxels) {
    dataset_.options.out_of_range = OutOfRangePolicy::kSaturate;
    put_voxels(1, {{70'000, -1e6F}});
    EXPECT_EQ(same_outcome().error, "");
    put_voxels(1, {{70'000, std::numeric_limits<float>::quiet_NaN()}});
    EXPECT_THAT(same_outcome().error, HasSubstr("1 voxels are NaN"));
}

TEST_F(MemoryLimit, QuarantinesTheSameStudies) {
    dataset_.options.out_of_range = OutOfRangePolicy::kQuarantine;
    dataset_.options.max_quarantined = 2;
    put_voxels(0, {{70'000, 1e6F}});
    put_voxels(4, {{119'999, std::numeric_limits<float>::infinity()}});
    EXPECT_EQ(same_outcome().error, "");
}

TEST_F(MemoryLimit, ChecksUnitsAlike) {
    dataset_.write_csvs(-1024.0);
    dataset_.options.rescale = RescalePolicy::kAuto;
    EXPECT_NE(same_outcome().error, "");
}

TEST_F(MemoryLimit, NeverPublishesADamagedVolume) {
    // Not compressed: the flipped bit is a voxel's, and only the checksum knows.
    std::vector<float> const voxels = made_voxels(2);
    fs::remove(dataset_.volume_path(2));
    write_npz(dataset_.volume_path(2), "data", DType::kF32, {kShape[0], kShape[1], kShape[2]},
              {.compression = NpzCompression::kStored}, std::as_bytes(std::span(voxels)));
    std::string content = read_text_file(dataset_.volume_path(2));
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
    std::ofstream(dataset_.volume_path(2), std::ios::binary) << content;
    for (std::int64_t const limit_mb : {std::int64_t{0}, kLeastLimitMb, std::int64_t{100'000}}) {
        EXPECT_THAT(run(limit_mb).error,
                    testing::AllOf(HasSubstr("train_2_a_1.npz"), HasSubstr("CRC-32 does not match")));
        EXPECT_TRUE(fs::exists(dataset_.options.output / "shard-000000.tar"));
        EXPECT_FALSE(fs::exists(dataset_.options.output / "shard-000001.tar"));
        for (auto const& entry : fs::directory_iterator(dataset_.options.output)) {
            EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr(".partial")));
        }
    }
}

TEST_F(MemoryLimit, QuarantinesTheSameDamagedStudies) {
    fs::resize_file(dataset_.volume_path(1), fs::file_size(dataset_.volume_path(1)) / 2);  // without its directory
    std::string content = read_text_file(dataset_.volume_path(4));
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
    std::ofstream(dataset_.volume_path(4), std::ios::binary) << content;
    EXPECT_THAT(same_outcome().error, HasSubstr("train_1_a_1.npz"));
    dataset_.options.damaged = DamagedPolicy::kQuarantine;
    dataset_.options.max_quarantined = 2;
    EXPECT_EQ(same_outcome().error, "");
}

TEST_F(MemoryLimit, RefusesFortranOrderThatDoesNotFit) {
    std::vector<float> const voxels = made_voxels(1);
    fs::remove(dataset_.volume_path(1));
    write_npz(dataset_.volume_path(1), "data", DType::kF32, {kShape[0], kShape[1], kShape[2]},
              {.order = ArrayOrder::kFortran}, std::as_bytes(std::span(voxels)));
    EXPECT_EQ(run(0).error, "");
    EXPECT_THAT(run(kLeastLimitMb).error,
                testing::AllOf(HasSubstr("Fortran order"), HasSubstr("convert.memory_limit_mb = 1")));
    EXPECT_EQ(run(100'000).error, "") << "it fits";
}

std::vector<std::string> limit_words(std::int64_t limit_mb) {
    return {"--memory_limit_mb", std::to_string(limit_mb)};
}

TEST_F(MemoryLimit, DoesNotChangeAByteOnOneToFourRanks) {
    std::vector<std::pair<std::string, std::string>> const expected = run(0).files;
    for (int num_ranks = 1; num_ranks <= 4; ++num_ranks) {
        for (std::int64_t const limit_mb : {std::int64_t{0}, kLeastLimitMb}) {
            fs::remove_all(dataset_.options.output);
            ProcessResult const result =
                run_process(words_of_ranks(num_ranks, dataset_.options, limit_words(limit_mb)));
            ASSERT_EQ(result.exit_code, 0) << result.err;
            EXPECT_TRUE(content_of(dataset_.options.output) == expected)
                << num_ranks << " ranks, limit " << limit_mb;
        }
    }
}

}  // namespace
}  // namespace ctclip
