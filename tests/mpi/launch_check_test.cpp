#include "mpi/launch_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Optional;

TEST(LaunchCheck, AcceptsOneRankWithoutALauncher) {
    EXPECT_EQ(launch_problem(LaunchEnvironment{}, 1), std::nullopt);
}

TEST(LaunchCheck, AcceptsMatchingLaunches) {
    EXPECT_EQ(launch_problem({.mpirun_size = 4, .slurm_size = 4}, 4), std::nullopt);
    EXPECT_EQ(launch_problem({.slurm_step_size = 2, .slurm_size = 8}, 2), std::nullopt);
    EXPECT_EQ(launch_problem({.slurm_step_size = 1}, 1), std::nullopt);
}

TEST(LaunchCheck, AcceptsMpirunInsideAnAllocationOfOneTask) {
    EXPECT_EQ(launch_problem({.mpirun_size = 8, .slurm_size = 1}, 8), std::nullopt);
}

TEST(LaunchCheck, IgnoresTheStepOfMpirunsDaemon) {
    EXPECT_EQ(launch_problem({.mpirun_size = 8, .slurm_step_size = 2}, 8), std::nullopt);
}

TEST(LaunchCheck, RefusesSingletonsUnderSrunAndNamesPmix) {
    EXPECT_THAT(launch_problem({.slurm_step_size = 4}, 1),
                Optional(AllOf(HasSubstr("4 tasks (SLURM_STEP_NUM_TASKS)"), HasSubstr("--mpi=pmix"))));
}

TEST(LaunchCheck, RefusesBeforeMpiWhenSrunOffersNoPmi) {
    EXPECT_THAT(launch_problem({.slurm_step_size = 4}), Optional(HasSubstr("--mpi=pmix")));
    EXPECT_EQ(launch_problem({.slurm_step_size = 4, .is_pmi_offered = true}), std::nullopt);
    EXPECT_EQ(launch_problem({.slurm_step_size = 1}), std::nullopt);
}

TEST(LaunchCheck, RefusesFewerRanksThanTheAllocationHasTasks) {
    EXPECT_THAT(
        launch_problem({.slurm_size = 4}, 1),
        Optional(AllOf(HasSubstr("4 tasks (SLURM_NTASKS), but MPI sees 1 rank:"), HasSubstr("mpirun -n 4"))));
    EXPECT_THAT(launch_problem({.mpirun_size = 2, .slurm_size = 4}, 2),
                Optional(HasSubstr("MPI sees 2 ranks")));
}

TEST(LaunchCheck, RefusesTheMpirunOfAnotherMpi) {
    EXPECT_THAT(launch_problem({.mpirun_size = 2}, 1), Optional(HasSubstr("not of the Open MPI")));
}

}  // namespace
}  // namespace ctclip
