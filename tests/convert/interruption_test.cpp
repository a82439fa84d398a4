// kill -9 of the program at system calls and at random moments: whatever it left, the same command again
// gives the bytes of an uninterrupted run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "base/splitmix64.hpp"
#include "convert/made_dataset.hpp"
#include "convert/ranks_of_program.hpp"
#include "shard/shard_verify.hpp"
#include "support/killed_at_call.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

/// More trials than a test run has time for: CTCLIP_KILL_TRIALS=10000.
int num_trials_or(int otherwise) {
    char const* const text = std::getenv("CTCLIP_KILL_TRIALS");
    return text == nullptr ? otherwise : std::atoi(text);
}

/// Every file under a final name is whole, at any moment.
void expect_no_torn_file(ConvertOptions const& options) {
    if (!fs::exists(options.output)) {
        return;
    }
    for (auto const& entry : fs::directory_iterator(options.output)) {
        if (entry.path().extension() == ".tar") {
            EXPECT_NO_THROW(EXPECT_TRUE(verify_shard(entry.path()).has_digests));
        }
    }
}

/// @param num_calls  about as many as a run makes.
void expect_kills_lose_nothing(MadeDataset& dataset, int num_calls) {
    dataset.run();
    auto const expected = content_of(dataset.options.output);

    int const stride = std::max(1, num_calls / num_trials_or(60));
    int num_killed = 0;
    for (int call = 1 + static_cast<int>(std::random_device{}() % static_cast<unsigned>(stride));;
         call += stride) {
        fs::remove_all(dataset.options.output);
        bool const was_killed = killed_at_call(call, [&] { dataset.run(); });
        expect_no_torn_file(dataset.options);
        dataset.run();
        ASSERT_TRUE(content_of(dataset.options.output) == expected) << "killed at system call " << call;
        if (!was_killed) {
            break;
        }
        ++num_killed;
    }
    EXPECT_GT(num_killed, 10);
    testing::Test::RecordProperty("kills", num_killed);
}

TEST(Interruption, AtASystemCallLosesNothing) {
    MadeDataset dataset(4);
    expect_kills_lose_nothing(dataset, 1500);
}

/// Shards of several blocks, written past the page cache with io_uring.
TEST(Interruption, AtASystemCallOfALargeShardLosesNothing) {
    constexpr VolumeShape kLarge{128, 128, 150};  // 4.7 MiB of fp16
    MadeDataset dataset(4);
    for (int i = 0; i < 4; ++i) {
        dataset.write_volume(
            i, std::vector<float>(static_cast<std::size_t>(num_voxels(kLarge)), static_cast<float>(i)), kLarge);
    }
    expect_kills_lose_nothing(dataset, 1500);
}

/// Conversions by the program itself, long enough to be hit in the midst of their work.
class KilledRanks : public testing::Test {
  protected:
    static constexpr int kNumStudies = 40;
    static constexpr VolumeShape kShape{64, 64, 48};

    KilledRanks() : dataset_(kNumStudies), random_(seed_) {
        for (int i = 0; i < kNumStudies; ++i) {
            std::vector<float> voxels(static_cast<std::size_t>(num_voxels(kShape)));
            for (std::size_t k = 0; k < voxels.size(); ++k) {
                voxels[k] = static_cast<float>(splitmix64(static_cast<std::uint64_t>(i), k) % 2000);
            }
            dataset_.write_volume(i, voxels, kShape);
        }
        dataset_.run();
        expected_ = content_of(dataset_.options.output);
    }

    Process start(int num_ranks) const { return Process(words_of_ranks(num_ranks, dataset_.options)); }

    /// Starts the conversion, or goes on with one, and kills one rank at a random moment of its work.
    /// @return false if that came too late.
    bool kill_in_midst(int num_ranks) {
        Process process = start(num_ranks);
        while (!fs::exists(dataset_.options.output / "plan.json") && is_running(process.pid())) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % kLongestWaitUs));
        std::vector<pid_t> const ranks = children_of(process.pid());
        if (!ranks.empty()) {
            ::kill(ranks[random_() % ranks.size()], SIGKILL);
        }
        ProcessResult const result = process.wait();
        end_and_await(ranks);
        EXPECT_TRUE(fs::exists(dataset_.options.output)) << "the program did not start: " << result.err;
        return !fs::exists(dataset_.options.output / "manifest.json");
    }

    std::size_t num_shards() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(fs::directory_iterator(dataset_.options.output),
                                  [](auto const& entry) { return entry.path().extension() == ".tar"; }));
    }

    static constexpr unsigned kLongestWaitUs = 400'000;

    MadeDataset dataset_;
    std::vector<std::pair<std::string, std::string>> expected_;
    unsigned seed_ = std::random_device{}();
    std::mt19937 random_;
};

TEST_F(KilledRanks, AtARandomMomentLoseNothing) {
    int const num_wanted = num_trials_or(4);
    int num_kills = 0;
    int num_with_shards = 0;
    for (int trial = 0; num_kills < num_wanted || num_with_shards == 0; ++trial) {
        SCOPED_TRACE(fmt::format("seed {}, trial {}", seed_, trial));
        ASSERT_LT(trial, 20 * num_wanted) << "the conversions end before they can be killed";
        fs::remove_all(dataset_.options.output);
        int const num_ranks = 1 + trial % 4;
        bool const was_in_time = kill_in_midst(num_ranks);
        ASSERT_FALSE(HasFailure());
        num_kills += was_in_time ? 1 : 0;
        num_with_shards += was_in_time && num_shards() > 0 ? 1 : 0;
        expect_no_torn_file(dataset_.options);

        int const other_num_ranks = 1 + (num_ranks + trial / 4 % 3) % 4;
        ProcessResult const rest = start(other_num_ranks).wait();
        ASSERT_EQ(rest.exit_code, 0) << rest.err;
        ASSERT_TRUE(content_of(dataset_.options.output) == expected_)
            << "killed on " << num_ranks << " ranks, resumed on " << other_num_ranks;
    }
    RecordProperty("kills", num_kills);
    RecordProperty("kills_between_shards", num_with_shards);
}

}  // namespace
}  // namespace ctclip
