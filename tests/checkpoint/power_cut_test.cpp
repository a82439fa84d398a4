// Power cuts of a disk with checkpoints: what was acknowledged must be there. Needs root and loop devices.
//
// CTCLIP_POWER_CUTS=120 checkpoint_power_cut_test     the long run (default: 9 cuts)
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/splitmix64.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/example_state.hpp"
#include "support/fragile_disk.hpp"

namespace ctclip {
namespace {

TrainState state_of(std::int64_t step) {
    return example_state(static_cast<std::uint64_t>(step), step);
}

TEST_P(PowerCut, AfterTheAcknowledgementLosesNothing) {
    std::size_t const cuts = (num_power_cuts() + 5) / 6;  // three mount options, two tests
    for (std::int64_t step = 1; step <= static_cast<std::int64_t>(cuts); ++step) {
        CheckpointStore(disk_.path(), {}).save(state_of(step));
        ::usleep(static_cast<useconds_t>(splitmix64(1, static_cast<std::uint64_t>(step)) % 300000));
        disk_.cut_power();
        disk_.restart();
        auto const found = load_newest_valid(disk_.path());
        ASSERT_TRUE(found.has_value()) << step;
        EXPECT_EQ(found->state.info.step, step);
        expect_equal(found->state, state_of(step));
    }
    RecordProperty("cuts", std::to_string(cuts));
}

TEST_P(PowerCut, InTheMiddleOfASaveLeavesThisOneOrTheOneBefore) {
    std::size_t const cuts = (num_power_cuts() + 5) / 6;
    CheckpointStore(disk_.path(), {}).save(state_of(1));
    std::int64_t newest = 1;
    for (std::size_t cut = 0; cut < cuts; ++cut) {
        pid_t const child = ::fork();
        if (child == 0) {
            try {
                CheckpointStore(disk_.path(), {}).save(state_of(newest + 1));
                ::_exit(0);
            } catch (std::exception const&) {
                ::_exit(1);  // the disk has gone
            }
        }
        ::usleep(static_cast<useconds_t>(splitmix64(2, cut) % 20000));
        disk_.cut_power();
        int status = 0;
        ::waitpid(child, &status, 0);
        bool const is_acknowledged = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        disk_.restart();
        auto const found = load_newest_valid(disk_.path());
        ASSERT_TRUE(found.has_value()) << cut;
        std::int64_t const step = found->state.info.step;
        EXPECT_TRUE(is_acknowledged ? step == newest + 1 : step == newest || step == newest + 1) << step;
        expect_equal(found->state, state_of(step));
        newest = step;
    }
}

// The harness itself: a file that is renamed into place without having been synced does not survive.
TEST_P(PowerCut, TakesWhatWasNotSynced) {
    std::ofstream(disk_.path() / "new.partial") << std::string(100000, 'x');
    std::filesystem::rename(disk_.path() / "new.partial", disk_.path() / "new");
    disk_.cut_power();
    disk_.restart();
    EXPECT_FALSE(std::filesystem::exists(disk_.path() / "new") &&
                 std::filesystem::file_size(disk_.path() / "new") == 100000);
}

INSTANTIATE_TEST_SUITE_P(Ext4, PowerCut, kMountOptions, mount_name);

}  // namespace
}  // namespace ctclip
