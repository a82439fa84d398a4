// A rank of ctclip-convert that gets no further or dies: the job ends on all ranks, with its name, and goes on when
// it is started again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "convert/made_dataset.hpp"
#include "convert/ranks_of_program.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char const* kHangTimeoutS = "3";
constexpr char const* kStallTimeoutS = "4";

/// What a call that never returns does to a rank: its main thread stands still, and soon every thread that waits for
/// it; the watchdog's does not.
void freeze_work(pid_t rank) {
    ASSERT_EQ(::ptrace(PTRACE_SEIZE, rank, nullptr, nullptr), 0);
    ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, rank, nullptr, nullptr), 0);
    ASSERT_EQ(::waitpid(rank, nullptr, __WALL), rank);
}

class StuckRank : public testing::Test {
  protected:
    static constexpr int kNumStudies = 60;
    static constexpr VolumeShape kShape{96, 96, 64};

    StuckRank() : dataset_(kNumStudies) {
        std::vector<float> const voxels(static_cast<std::size_t>(num_voxels(kShape)), 1.0F);
        for (int i = 0; i < kNumStudies; ++i) {
            dataset_.write_volume(i, voxels, kShape);
        }
    }

    std::vector<std::string> words() const {
        return words_of_ranks(2, dataset_.options,
                              {"--set", std::string("convert.hang_timeout_s=") + kHangTimeoutS, "--set",
                               std::string("convert.stall_timeout_s=") + kStallTimeoutS});
    }

    /// Of the running job, once it has finished a shard.
    std::vector<pid_t> ranks_at_work(Process const& job) const {
        for (int i = 0; i < 3000 && !fs::exists(dataset_.options.output / "shard-000000.tar"); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        EXPECT_FALSE(fs::exists(dataset_.options.output / "manifest.json")) << "too late";
        return children_of(job.pid());
    }

    void expect_it_goes_on() const {
        ProcessResult const rest = run_process(words());
        EXPECT_EQ(rest.exit_code, 0) << rest.err;
        EXPECT_TRUE(fs::exists(dataset_.options.output / "manifest.json"));
    }

    MadeDataset dataset_;
};

TEST_F(StuckRank, EndsTheJobThatWaitsForIt) {
    Process job(words());
    std::vector<pid_t> const ranks = ranks_at_work(job);
    ASSERT_EQ(ranks.size(), 2U);
    ASSERT_NO_FATAL_FAILURE(freeze_work(ranks[1]));
    ProcessResult const result = job.wait();
    end_and_await(ranks);
    EXPECT_EQ(result.exit_code, 75);
    EXPECT_THAT(result.err, AllOf(HasSubstr(fmt::format("process {}) hangs (converting, ", ranks[1])),
                                  HasSubstr("the others wait for it"), HasSubstr("run the same command again")));
    expect_it_goes_on();
}

TEST_F(StuckRank, EndsTheJobWhenItIsStopped) {
    Process job(words());
    std::vector<pid_t> const ranks = ranks_at_work(job);
    ASSERT_EQ(ranks.size(), 2U);
    ::kill(ranks[1], SIGSTOP);
    ProcessResult const result = job.wait();
    end_and_await(ranks);
    EXPECT_EQ(result.exit_code, 75);
    EXPECT_THAT(result.err, HasSubstr(fmt::format("process {}) has given no sign of life", ranks[1])));
    expect_it_goes_on();
}

TEST_F(StuckRank, IsWaitedForWhenTheWatchdogIsOff) {
    std::vector<std::string> without = words();
    without.insert(without.end(), {"--set", "convert.hang_timeout_s=0"});
    Process job(without);
    std::vector<pid_t> const ranks = ranks_at_work(job);
    ASSERT_EQ(ranks.size(), 2U);
    ::kill(ranks[1], SIGSTOP);
    std::this_thread::sleep_for(std::chrono::seconds(6));
    ::kill(ranks[1], SIGCONT);
    EXPECT_EQ(job.wait().exit_code, 0);
}

}  // namespace
}  // namespace ctclip
