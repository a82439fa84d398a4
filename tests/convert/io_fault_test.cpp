// Every system call on the output folder fails once, or for ever, one after the other: a conversion either
// reports it or its result is right, no file under a final name is ever torn, and the next run gives the
// bytes of a run without faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "convert/made_dataset.hpp"
#include "shard/shard_verify.hpp"
#include "support/io_faults.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

class IoFault : public testing::Test {
  protected:
    explicit IoFault(VolumeShape const& shape = MadeDataset::kShape) : dataset_(3) {
        for (int i = 0; i < 3; ++i) {
            dataset_.write_volume(
                i, std::vector<float>(static_cast<std::size_t>(num_voxels(shape)), static_cast<float>(i)), shape);
        }
        set_log_level(LogLevel::kError);  // a warning for every fault that is survived would fill pages
        dataset_.run();
        expected_ = content_of(dataset_.options.output);
    }
    ~IoFault() override { set_log_level(LogLevel::kInfo); }

    /// @return false if the conversion ends before the fault is due.
    bool survives(FaultPlan plan) {
        fs::remove_all(dataset_.options.output);
        plan.folder = dataset_.options.output.string();
        arm_faults(&plan);
        bool is_reported = false;
        try {
            dataset_.run();
        } catch (Error const& error) {
            is_reported = true;
            EXPECT_THAT(error.code(), testing::AnyOf(ExitCode::kIoError, ExitCode::kCannotCreate,
                                                     ExitCode::kNoPermission, ExitCode::kTryAgain))
                << error.what();
        }
        arm_faults(nullptr);
        std::string const where = fmt::format("{} number {}, errno {}, for ever: {}", plan.call,
                                              plan.fatal_number, plan.error_number, plan.is_for_ever);
        expect_no_torn_shard(where);
        num_reported_ += is_reported ? 1 : 0;
        num_faults_ += plan.has_fired ? 1 : 0;
        if (!is_reported) {
            EXPECT_TRUE(fs::exists(dataset_.options.output / "manifest.json")) << where;
        }
        dataset_.run();
        EXPECT_TRUE(content_of(dataset_.options.output) == expected_) << where;
        return plan.has_fired;
    }

    void sweep(std::string const& call, std::vector<int> const& error_numbers) {
        for (int const error_number : error_numbers) {
            for (bool const is_for_ever : {false, true}) {
                FaultPlan plan;
                plan.call = call;
                plan.error_number = error_number;
                plan.is_for_ever = is_for_ever;
                for (plan.fatal_number = 1; survives(plan); ++plan.fatal_number) {
                    ASSERT_LT(plan.fatal_number, 1000);
                }
            }
        }
        EXPECT_GT(num_faults_, 0);
        RecordProperty("faults", num_faults_);
        RecordProperty("reported", num_reported_);
    }

    /// Every single call is interrupted or cut short once.
    void complete(std::string const& call, FaultKind kind) {
        FaultPlan plan;
        plan.call = call;
        plan.kind = kind;
        plan.error_number = EINTR;
        for (plan.fatal_number = 1; survives(plan); ++plan.fatal_number) {
            ASSERT_LT(plan.fatal_number, 1000);
        }
    }

    int num_faults_ = 0;
    int num_reported_ = 0;

  private:
    void expect_no_torn_shard(std::string const& where) const {
        if (!fs::exists(dataset_.options.output)) {
            return;
        }
        for (auto const& entry : fs::directory_iterator(dataset_.options.output)) {
            if (entry.path().extension() == ".tar") {
                EXPECT_NO_THROW(verify_shard(entry.path())) << where;
            }
        }
    }

    MadeDataset dataset_;
    std::vector<std::pair<std::string, std::string>> expected_;
};

TEST_F(IoFault, OfAWriteIsReported) {
    sweep("write", {ENOSPC, EDQUOT, EIO});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFault, OfASyncIsReported) {
    sweep("fsync", {EIO, ENOSPC, EDQUOT});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFault, OfACloseOfAWrittenFileIsReported) {
    sweep("close", {EIO, ENOSPC, EDQUOT});  // closing what was only read may fail unnoticed
    EXPECT_GT(num_reported_, 0);
}

TEST_F(IoFault, OfAReadIsReportedOrRepeated) {
    sweep("pread", {EIO});  // a direct read that fails once is tried again through the page cache
    EXPECT_GT(num_reported_, 0);
}

TEST_F(IoFault, OfAnOpenIsReported) {
    sweep("open", {EACCES, EMFILE, ENOSPC, EDQUOT});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFault, OfPublishingIsReported) {
    sweep("link", {EIO, EROFS, ENOSPC, EDQUOT});
    EXPECT_EQ(num_reported_, num_faults_);
    sweep("rename", {EIO, ENOSPC, EDQUOT});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFault, OfRemovingATemporaryLosesNothing) {
    sweep("unlink", {EIO});
}

TEST_F(IoFault, FileSystemsWithoutLinksGetTheSameFiles) {
    FaultPlan plan;
    plan.call = "link";
    plan.fatal_number = 1;
    plan.is_for_ever = true;
    for (int const answer : {EPERM, EOPNOTSUPP, ENOSYS}) {
        plan.error_number = answer;
        EXPECT_TRUE(survives(plan)) << answer;
    }
    EXPECT_EQ(num_reported_, 0);
}

TEST_F(IoFault, InterruptedCallsAndShortWritesAreCompleted) {
    complete("write", FaultKind::kErrno);
    complete("write", FaultKind::kShortWrite);
    complete("pread", FaultKind::kErrno);
    EXPECT_GT(num_faults_, 0);
    EXPECT_EQ(num_reported_, 0);
    RecordProperty("faults", num_faults_);
}

/// Shards of several blocks: written past the page cache, with io_uring.
class IoFaultOfALargeShard : public IoFault {
  protected:
    IoFaultOfALargeShard() : IoFault(kLarge) {}

    static constexpr VolumeShape kLarge{128, 128, 150};  // 4.7 MiB of fp16
};

TEST_F(IoFaultOfALargeShard, IsReportedWhereverAWriteFails) {
    sweep("write", {ENOSPC, EIO});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFaultOfALargeShard, CompletesWhatIsInterruptedOrShort) {
    complete("write", FaultKind::kErrno);
    complete("write", FaultKind::kShortWrite);
    EXPECT_GT(num_faults_, 0);
    EXPECT_EQ(num_reported_, 0);
}

TEST_F(IoFaultOfALargeShard, IsWrittenWithoutIoUringToo) {
    FaultPlan plan;
    plan.call = "io_uring_queue_init";
    plan.fatal_number = 1;
    plan.error_number = EPERM;  // what containers answer
    plan.is_for_ever = true;
    EXPECT_TRUE(survives(plan)) << "no ring was asked for: the tests above did not write with io_uring";
    EXPECT_EQ(num_reported_, 0);
}

}  // namespace
}  // namespace ctclip
