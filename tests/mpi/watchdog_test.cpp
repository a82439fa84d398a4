// Ranks that die, hang or are stopped, under mpirun: the job ends in time, names the rank, keeps its code.
// And what only takes long goes on.
#include "mpi/watchdog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

#include "support/process.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> command(int num_ranks, std::string const& limit_s, std::string const& action) {
    return {CTCLIP_MPIRUN,           "--oversubscribe", "--bind-to", "none", "-n", std::to_string(num_ranks),
            CTCLIP_WATCHDOG_PROGRAM, limit_s,           action};
}

struct TimedResult {
    ProcessResult result;
    double seconds = 0.0;
};

TimedResult run_timed(int num_ranks, std::string const& limit_s, std::string const& action) {
    auto const start = std::chrono::steady_clock::now();
    ProcessResult result = run_process(command(num_ranks, limit_s, action));
    return {std::move(result),
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

class WatchdogTest : public testing::TestWithParam<int> {
  protected:
    int const num_ranks_ = GetParam();
    std::string const culprit_ = "rank " + std::to_string(num_ranks_ - 1) + " (";
};

INSTANTIATE_TEST_SUITE_P(Ranks, WatchdogTest, testing::Values(2, 4));

TEST_P(WatchdogTest, AnEndlessLoopEndsTheJobWithTheRankAtFault) {
    TimedResult const run = run_timed(num_ranks_, "2", "loop");
    EXPECT_EQ(run.result.exit_code, 75) << run.result.err;
    EXPECT_THAT(run.result.err, AllOf(HasSubstr(culprit_), HasSubstr("hangs (computing, step 3)")));
    EXPECT_LT(run.seconds, 10.0);
}

TEST_P(WatchdogTest, AStoppedRankEndsTheJobWithItsName) {
    TimedResult const run = run_timed(num_ranks_, "2", "stop");
    EXPECT_EQ(run.result.exit_code, 75) << run.result.err;
    EXPECT_THAT(run.result.err, AllOf(HasSubstr(culprit_), HasSubstr("no sign of life")));
    EXPECT_LT(run.seconds, 10.0);
}

TEST_P(WatchdogTest, ARankThatEndsTooEarlyIsNamed) {
    TimedResult const run = run_timed(num_ranks_, "2", "exit");
    EXPECT_NE(run.result.exit_code, 0) << run.result.err;
    EXPECT_THAT(run.result.err, AllOf(HasSubstr(culprit_), HasSubstr("ended in the middle of its work")));
    EXPECT_LT(run.seconds, 10.0);
}

/// mpirun sees the signal first: its own code, 128 + 9, stays.
TEST_P(WatchdogTest, AKilledRankIsNamed) {
    TimedResult const run = run_timed(num_ranks_, "2", "kill");
    EXPECT_THAT(run.result.exit_code, AnyOf(75, 137)) << run.result.err;
    EXPECT_THAT(run.result.err, AllOf(HasSubstr(culprit_), HasSubstr("ended in the middle of its work")));
    EXPECT_LT(run.seconds, 10.0);
}

TEST_P(WatchdogTest, AnErrorKeepsItsOwnCodeAndBlamesNobodyElse) {
    for (std::string const action : {"throw", "throw_at_once"}) {
        TimedResult const run = run_timed(num_ranks_, "2", action);
        EXPECT_EQ(run.result.exit_code, 65) << action << ": " << run.result.err;
        EXPECT_THAT(run.result.err,
                    AllOf(HasSubstr("a broken shard"), Not(HasSubstr("in the middle of its work"))));
    }
}

TEST_P(WatchdogTest, LongFirstStepsAndSavesGoOn) {
    for (std::string const action : {"slow_start", "save", "nothing"}) {
        TimedResult const run = run_timed(num_ranks_, "1", action);
        EXPECT_EQ(run.result.exit_code, 0) << action << ": " << run.result.err;
    }
}

TEST_P(WatchdogTest, StoppingAndContinuingTheWholeJobIsHarmless) {
    Process job(command(num_ranks_, "2", "wait"));
    job.wait_for_error_text("at rest");
    std::vector<pid_t> ranks;
    std::istringstream words(job.error_text());
    for (std::string word; words >> word;) {
        pid_t rank = 0;
        if (word == "process" && words >> rank) {
            ranks.push_back(rank);
        }
    }
    ASSERT_EQ(ranks.size(), static_cast<std::size_t>(num_ranks_));

    for (pid_t const rank : ranks) {
        ::kill(rank, SIGSTOP);
    }
    std::this_thread::sleep_for(std::chrono::seconds(4));
    for (pid_t const rank : ranks) {
        ::kill(rank, SIGCONT);
    }

    ProcessResult const result = job.wait();
    EXPECT_EQ(result.exit_code, 0) << result.err;
}

}  // namespace
}  // namespace ctclip
