// Every system call of a save fails once, or for ever, one after the other: the save reports it or is whole, and the
// checkpoints before it stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/example_state.hpp"
#include "support/io_faults.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

class SaveFault : public testing::Test {
  protected:
    SaveFault() {
        set_log_level(LogLevel::kError);
        CheckpointStore(folder(), {}).save(example_state(1, 1));
    }
    ~SaveFault() override { set_log_level(LogLevel::kInfo); }

    std::filesystem::path folder() const { return dir_ / "checkpoints"; }

    /// Step 2 is saved under the plan, and whatever became of it, step 3 without faults.
    /// @return false if the save ended before the fault was due.
    bool survives(FaultPlan plan) {
        std::string const where = plan.call + " number " + std::to_string(plan.fatal_number) + ", errno " +
                                  std::to_string(plan.error_number) + (plan.is_for_ever ? ", for ever" : "");
        plan.folder = folder().string();
        arm_faults(&plan);
        bool is_reported = false;
        try {
            CheckpointStore(folder(), {}).save(example_state(2, 2));
        } catch (Error const& error) {
            is_reported = true;
            EXPECT_THAT(error.code(), testing::AnyOf(ExitCode::kIoError, ExitCode::kCannotCreate,
                                                     ExitCode::kNoPermission, ExitCode::kTryAgain))
                << where << ": " << error.what();
        }
        arm_faults(nullptr);
        num_faults_ += plan.has_fired ? 1 : 0;
        num_reported_ += is_reported ? 1 : 0;
        expect_newest(is_reported ? 1 : 2, 2, where);
        CheckpointStore(folder(), {}).save(example_state(3, 3));
        expect_newest(3, 3, where);
        std::filesystem::remove(folder() / checkpoint_name(2));
        std::filesystem::remove(folder() / checkpoint_name(3));
        return plan.has_fired;
    }

    void sweep(std::string const& call, std::vector<int> const& error_numbers, FaultKind kind = FaultKind::kErrno) {
        for (int const error_number : error_numbers) {
            for (bool const is_for_ever : {false, true}) {
                FaultPlan plan;
                plan.call = call;
                plan.kind = kind;
                plan.error_number = error_number;
                plan.is_for_ever = is_for_ever && kind == FaultKind::kErrno && error_number != EINTR;
                for (plan.fatal_number = 1; survives(plan); ++plan.fatal_number) {
                    ASSERT_LT(plan.fatal_number, 1000);
                }
            }
        }
        EXPECT_GT(num_faults_, 0);
        RecordProperty("faults", num_faults_);
        RecordProperty("reported", num_reported_);
    }

    int num_faults_ = 0;
    int num_reported_ = 0;

  private:
    void expect_newest(std::int64_t least, std::int64_t most, std::string const& where) const {
        auto const found = load_newest_valid(folder());
        ASSERT_TRUE(found.has_value()) << where;
        std::int64_t const step = found->state.info.step;
        EXPECT_GE(step, least) << where;
        EXPECT_LE(step, most) << where;
        expect_equal(found->state, example_state(static_cast<std::uint64_t>(step), step));
    }

    TempDir const dir_;
};

TEST_F(SaveFault, OfAWriteIsReported) {
    sweep("write", {ENOSPC, EDQUOT, EIO});
    EXPECT_GT(num_reported_, 0);
}

TEST_F(SaveFault, OfASyncIsReported) {
    sweep("fsync", {EIO});
    EXPECT_GT(num_reported_, 0);
}

TEST_F(SaveFault, OfACloseLosesNothing) {
    sweep("close", {EIO, ENOSPC});
}

TEST_F(SaveFault, OfReadingBackLosesNothing) {
    sweep("pread", {EIO});
}

TEST_F(SaveFault, OfAnOpenLosesNothing) {
    sweep("open", {EACCES, EMFILE});
}

TEST_F(SaveFault, OfPublishingLosesNothing) {
    sweep("rename", {EIO, EROFS});
    EXPECT_GT(num_reported_, 0);
}

TEST_F(SaveFault, OfALookAtAFileLosesNothing) {
    sweep("stat", {EIO, ESTALE});
}

/// The second file of a save is latest.json.
TEST_F(SaveFault, AfterTheCommitIsNoFailedSave) {
    for (FaultPlan plan : {FaultPlan{.call = "rename", .fatal_number = 2, .error_number = EIO},
                           FaultPlan{.call = "write", .fatal_number = 2, .error_number = ENOSPC}}) {
        EXPECT_TRUE(survives(plan));
    }
    EXPECT_EQ(num_reported_, 0);
}

TEST_F(SaveFault, InterruptedAndShortWritesAreCompleted) {
    sweep("write", {EINTR});
    sweep("write", {0}, FaultKind::kShortWrite);
    EXPECT_EQ(num_reported_, 0);
}

}  // namespace
}  // namespace ctclip
