#include "mpi/watchdog_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::Optional;

RankView computing(std::string name, std::uint64_t num_waits, double idle_s) {
    return {
        .name = std::move(name),
        .signal = {.activity = Activity::kStep, .num_waits = num_waits, .idle_s = idle_s, .limit_s = 20.0}};
}

RankView waiting(std::string name, std::uint64_t num_waits, double idle_s) {
    RankView rank = computing(std::move(name), num_waits, idle_s);
    rank.signal.is_waiting = 1;
    return rank;
}

TEST(WatchdogRules, AllIsWellWhileOneRankGetsFurther) {
    std::vector<RankView> const ranks{waiting("a", 8, 100.0), computing("b", 7, 19.0)};
    EXPECT_EQ(find_fault(ranks, {}), std::nullopt);
}

TEST(WatchdogRules, BlamesTheRankThatTheOthersWaitFor) {
    std::vector<RankView> const ranks{waiting("a", 8, 30.0), computing("b", 7, 25.0), waiting("c", 8, 30.0)};
    EXPECT_THAT(find_fault(ranks, {}), Optional(HasSubstr("for 25 s: b hangs (computing")));
}

TEST(WatchdogRules, SaysHowFarAConversionIs) {
    std::vector<RankView> ranks{waiting("a", 8, 30.0), computing("b", 7, 25.0)};
    ranks[1].signal.activity = Activity::kConverting;
    ranks[1].signal.step = 3;
    EXPECT_THAT(find_fault(ranks, {}), Optional(HasSubstr("b hangs (converting, 3 volumes done), the others wait")));
}

TEST(WatchdogRules, BlamesTheRankThatIsAnOperationBehind) {
    std::vector<RankView> const ranks{waiting("a", 8, 30.0), waiting("b", 7, 30.0)};
    EXPECT_THAT(find_fault(ranks, {}),
                Optional(HasSubstr("b waits in an operation that the others have left")));
}

TEST(WatchdogRules, BlamesTheNetworkWhereAllWaitInOneOperation) {
    std::vector<RankView> const ranks{waiting("a", 8, 30.0), waiting("b", 8, 30.0)};
    EXPECT_THAT(find_fault(ranks, {}), Optional(HasSubstr("the network between them is at fault")));
}

TEST(WatchdogRules, TheMostPatientLimitOfAllRanksCounts) {
    std::vector<RankView> ranks{computing("a", 8, 300.0), waiting("b", 9, 300.0)};
    ranks[0].signal.activity = Activity::kSaving;
    ranks[0].signal.limit_s = 1800.0;
    EXPECT_EQ(find_fault(ranks, {}), std::nullopt);
}

TEST(WatchdogRules, NamesTheSilentAndTheLostButNotTheFinished) {
    std::vector<RankView> ranks{computing("a", 8, 0.0), computing("b", 8, 0.0)};
    ranks[1].silent_s = 21.0;
    EXPECT_THAT(find_fault(ranks, {}), Optional(HasSubstr("b has given no sign of life for 21 s")));
    ranks[1].state = RankState::kLost;
    EXPECT_THAT(find_fault(ranks, {}), Optional(HasSubstr("b ended in the middle of its work")));
    ranks[1].state = RankState::kFinished;
    EXPECT_EQ(find_fault(ranks, {}), std::nullopt);
}

TEST(IdleLimit, GrowsWithTheLongestComputationSoFar) {
    IdleLimit const limit{.step_s = 20.0, .slow_s = 1800.0};
    EXPECT_EQ(limit.of(Activity::kStep, 0.5), 20.0);
    EXPECT_EQ(limit.of(Activity::kStep, 10.0), 30.0);
    EXPECT_EQ(limit.of(Activity::kValidation, 0.5), 1800.0);
}

}  // namespace
}  // namespace ctclip
