// The session as a launcher meets it: a program is started alone and under mpirun.
#include "mpi/mpi_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "support/process.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ProcessResult run_on_3_ranks(std::string const& action) {
    return run_process(
        {CTCLIP_MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", "3", CTCLIP_SESSION_PROGRAM, action});
}

class Stopwatch {
  public:
    double elapsed_s() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

TEST(MpiSession, KnowsTheRanksOfTheWorldAndOfTheHost) {
    ProcessResult const result = run_on_3_ranks("nothing");

    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("rank 2 of 3, local 2 of 3"));
}

TEST(MpiSession, WorksWithoutALauncher) {
    ProcessResult const result = run_process({CTCLIP_SESSION_PROGRAM, "nothing"});

    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("rank 0 of 1, local 0 of 1"));
}

TEST(MpiSession, AnErrorOfOneRankEndsAllWithItsCodeThoughAReductionIsUnderWay) {
    Stopwatch const stopwatch;

    ProcessResult const result = run_on_3_ranks("throw_while_reducing");

    EXPECT_EQ(result.exit_code, 73) << result.err;
    EXPECT_THAT(result.err, HasSubstr("rank 1 cannot write"));
    EXPECT_LT(stopwatch.elapsed_s(), 10.0);
}

TEST(MpiSession, AKilledRankEndsTheJobWithinSeconds) {
    Stopwatch const stopwatch;

    ProcessResult const result = run_on_3_ranks("die");

    EXPECT_NE(result.exit_code, 0);
    EXPECT_LT(stopwatch.elapsed_s(), 10.0);
}

TEST(MpiSession, EndsAnMpiThatItCannotUse) {
    ProcessResult const result =
        run_process({"env", "SESSION_PROGRAM_NO_THREADS=1", CTCLIP_SESSION_PROGRAM, "nothing"});

    EXPECT_EQ(result.exit_code, 69) << result.err;
    EXPECT_THAT(result.err, AllOf(HasSubstr("finalizing"), HasSubstr("Use an MPI built with thread support")));
}

TEST(MpiSession, RefusesToRunAsOneOfSeveralSingletons) {
    ProcessResult const step =
        run_process({"env", "SLURM_STEP_NUM_TASKS=4", CTCLIP_SESSION_PROGRAM, "nothing"});
    ProcessResult const allocation =
        run_process({"env", "SLURM_NTASKS=4", CTCLIP_SESSION_PROGRAM, "nothing"});

    EXPECT_EQ(step.exit_code, 64);
    EXPECT_THAT(step.err, HasSubstr("--mpi=pmix"));
    EXPECT_EQ(allocation.exit_code, 64);
    EXPECT_THAT(allocation.err, HasSubstr("4 tasks (SLURM_NTASKS), but MPI sees 1 rank"));
}

}  // namespace
}  // namespace ctclip
