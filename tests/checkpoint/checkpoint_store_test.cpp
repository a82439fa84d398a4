#include "checkpoint/checkpoint_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/checkpoint_saver.hpp"
#include "checkpoint/example_state.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TrainState state_with_loss(std::int64_t step, double loss) {
    TrainState state = example_state(static_cast<std::uint64_t>(step), step);
    state.metrics.scalars["loss"] = loss;
    return state;
}

std::vector<std::int64_t> steps_in(std::filesystem::path const& folder) {
    std::vector<std::int64_t> steps;
    for (auto const& entry : list_checkpoints(folder)) {
        steps.push_back(entry.step);
    }
    return steps;
}

void damage(std::filesystem::path const& path) {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
}

TEST(CheckpointStore, LoadsTheNewestWithoutAskingThePointer) {
    TempDir const dir;
    CheckpointStore store(dir / "checkpoints", {});
    store.save(state_with_loss(10, 1.0));
    store.save(state_with_loss(9, 1.0));
    write_durably(dir / "checkpoints" / "latest.json", "nonsense", IfExists::kReplace);

    auto const loaded = load_newest_valid(dir / "checkpoints");
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->path.filename(), "step-00000010.h5");
    expect_equal(loaded->state, state_with_loss(10, 1.0));
}

TEST(CheckpointStore, FallsBackToTheOneBefore) {
    TempDir const dir;
    CheckpointStore store(dir.path(), {});
    store.save(state_with_loss(1, 1.0));
    damage(store.save(state_with_loss(2, 1.0)));
    EXPECT_EQ(load_newest_valid(dir.path())->state.info.step, 1);
}

TEST(CheckpointStore, RefusesToStartOverWhenAllAreDamaged) {
    TempDir const dir;
    EXPECT_FALSE(load_newest_valid(dir / "absent").has_value());
    CheckpointStore store(dir.path(), {});
    damage(store.save(state_with_loss(1, 1.0)));
    EXPECT_THAT([&] { load_newest_valid(dir.path()); },
                ThrowsMessage<Error>(HasSubstr("none of the 1 checkpoints can be read")));
}

TEST(CheckpointStore, KeepsTheLastAndTheBest) {
    TempDir const dir;
    CheckpointStore store(dir.path(), {2, RetentionPolicy::Best::kLowest, "loss"});
    std::vector<double> const losses{5.0, 1.0, 3.0, 4.0, 2.0};
    for (std::size_t i = 0; i < losses.size(); ++i) {
        store.save(state_with_loss(static_cast<std::int64_t>(i), losses[i]));
    }
    EXPECT_THAT(steps_in(dir.path()), ElementsAre(1, 3, 4));
}

TEST(CheckpointStore, RemembersTheBestAcrossARestart) {
    TempDir const dir;
    RetentionPolicy const policy{2, RetentionPolicy::Best::kHighest, "loss"};
    CheckpointStore(dir.path(), policy).save(state_with_loss(1, 0.9));
    CheckpointStore restarted(dir.path(), policy);
    for (std::int64_t step = 2; step < 6; ++step) {
        restarted.save(state_with_loss(step, 0.5));
    }
    EXPECT_THAT(steps_in(dir.path()), ElementsAre(1, 4, 5));
}

TEST(CheckpointStore, DoesNotCountDamagedFilesAsKept) {
    TempDir const dir;
    {
        CheckpointStore store(dir.path(), {2});
        for (std::int64_t step = 1; step < 4; ++step) {
            store.save(state_with_loss(step, 1.0));
        }
    }
    damage(dir.path() / checkpoint_name(3));
    CheckpointStore restarted(dir.path(), {2});
    restarted.save(state_with_loss(4, 1.0));
    EXPECT_THAT(steps_in(dir.path()), ElementsAre(2, 3, 4));
}

TEST(CheckpointStore, ReplacesADamagedFileOfTheSameStep) {
    TempDir const dir;
    CheckpointStore store(dir.path(), {});
    damage(store.save(state_with_loss(1, 1.0)));
    store.save(state_with_loss(1, 2.0));
    EXPECT_EQ(load_newest_valid(dir.path())->state.metrics.real("loss"), 2.0);
}

TEST(CheckpointStore, ListsOnlyItsOwnNames) {
    TempDir const dir;
    for (char const* name : {"step-00000001.h5", "step-123456789.h5", "step-1.h5", "step-0000000x.h5",
                             "step--0000001.h5", "step-00000001.h5.bak", "latest.json"}) {
        write_durably(dir / name, "x", IfExists::kRefuse);
    }
    EXPECT_THAT(steps_in(dir.path()), ElementsAre(1, 123456789));
}

TEST(CheckpointStore, RefusesToKeepOne) {
    TempDir const dir;
    EXPECT_THAT([&] { CheckpointStore(dir.path(), {1}); }, ThrowsMessage<Error>(HasSubstr("too few")));
}

/// Whatever is saved, damaged or restarted, the newest good state is
/// there.
TEST(CheckpointStore, AlwaysHoldsTheNewestGoodState) {
    set_log_level(LogLevel::kError);  // damage is the point here
    for (unsigned seed = 0; seed < 4; ++seed) {
        std::mt19937 random(seed);
        TempDir const dir;
        auto store = std::make_unique<CheckpointStore>(dir.path(), RetentionPolicy{2});
        std::int64_t newest_good = -1;
        for (std::int64_t step = 0; step < 12; ++step) {
            auto const path = store->save(state_with_loss(step, 1.0));
            bool const is_damaged = random() % 3 == 0 && newest_good >= 0;
            if (is_damaged) {
                damage(path);
                store = std::make_unique<CheckpointStore>(dir.path(), RetentionPolicy{2});
            } else {
                newest_good = step;
            }
            EXPECT_EQ(load_newest_valid(dir.path(), CheckpointParts::kInfo)->state.info.step, newest_good);
        }
    }
    set_log_level(LogLevel::kInfo);
}

TEST(CheckpointSaver, SavesInTheBackgroundInOrder) {
    TempDir const dir;
    CheckpointStore store(dir.path(), {});
    CheckpointSaver saver(store);
    for (std::int64_t step = 1; step < 4; ++step) {
        saver.submit(state_with_loss(step, 1.0));
    }
    EXPECT_EQ(saver.wait()->filename(), "step-00000003.h5");
    EXPECT_THAT(steps_in(dir.path()), ElementsAre(1, 2, 3));
}

/// HDF5 as it is built by default has one error stack and one cache for all threads.
TEST(CheckpointSaver, SavesWhileOtherThreadsReadCheckpoints) {
    TempDir const dir;
    TempDir const other;
    std::filesystem::path const read = CheckpointStore(other.path(), {}).save(state_with_loss(1, 1.0));
    CheckpointStore store(dir.path(), {});
    CheckpointSaver saver(store);
    for (std::int64_t step = 1; step < 20; ++step) {
        saver.submit(state_with_loss(step, 1.0));
        expect_equal(read_checkpoint(read), state_with_loss(1, 1.0));
    }
    expect_equal(read_checkpoint(*saver.wait()), state_with_loss(19, 1.0));
}

TEST(CheckpointSaver, GoesOnAfterAFailureAndStopsAfterThree) {
    TempDir const dir;
    CheckpointStore store(dir / "checkpoints", {});
    CheckpointSaver saver(store);
    std::filesystem::rename(dir / "checkpoints", dir / "away");
    saver.submit(state_with_loss(1, 1.0));
    saver.submit(state_with_loss(2, 1.0));
    EXPECT_EQ(saver.num_failures_in_a_row(), 1);
    EXPECT_THROW(saver.wait(), Error);
    std::filesystem::rename(dir / "away", dir / "checkpoints");
    saver.submit(state_with_loss(3, 1.0));
    EXPECT_EQ(saver.wait()->filename(), "step-00000003.h5");
    EXPECT_EQ(saver.num_failures_in_a_row(), 0);

    std::filesystem::rename(dir / "checkpoints", dir / "away");
    for (std::int64_t step = 4; step < 7; ++step) {
        saver.submit(state_with_loss(step, 1.0));
    }
    EXPECT_THAT([&] { saver.submit(state_with_loss(7, 1.0)); },
                ThrowsMessage<Error>(HasSubstr("3 checkpoints in a row could not be saved")));
}

}  // namespace
}  // namespace ctclip
