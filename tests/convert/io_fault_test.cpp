// Every system call on the output folder fails once, or for ever, one after the other: a conversion either
// reports it or its result is right, no file under a final name is ever torn, and the next run gives the
// bytes of a run without faults (SQLite's loop; spec/reliability.md 2.8).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <mutex>

#include "base/error.hpp"
#include "base/log.hpp"
#include "convert/made_dataset.hpp"
#include "shard/shard_verify.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

enum class FaultKind { kErrno, kShortWrite };

/// Which call fails. Only calls on paths below `folder` count, and only those of the test's own thread and
/// its helpers that work on the conversion (the lock's heart beats at its own times).
struct FaultPlan {
    std::string call;
    int fatal_number = 0;  ///< 1: the first such call
    int error_number = 0;
    bool is_for_ever = false;
    FaultKind kind = FaultKind::kErrno;

    std::string folder;
    int num_calls = 0;
    bool has_fired = false;
};

std::mutex fault_mutex;
FaultPlan* fault_plan = nullptr;  // the test sets it around a run

bool is_due(char const* call, std::string const& path, FaultKind kind) {
    std::lock_guard const guard(fault_mutex);
    if (fault_plan == nullptr || fault_plan->call != call || fault_plan->kind != kind ||
        !path.starts_with(fault_plan->folder) || path.ends_with(".lock")) {
        return false;
    }
    int const number = ++fault_plan->num_calls;
    bool const is_hit =
        number == fault_plan->fatal_number || (fault_plan->is_for_ever && number > fault_plan->fatal_number);
    fault_plan->has_fired = fault_plan->has_fired || is_hit;
    if (is_hit) {
        errno = fault_plan->error_number;
    }
    return is_hit;
}

std::string path_of(int descriptor) {
    char target[4096];
    std::string const link = fmt::format("/proc/self/fd/{}", descriptor);
    ssize_t const length = ::readlink(link.c_str(), target, sizeof target);
    return length < 0 ? "" : std::string(target, static_cast<std::size_t>(length));
}

}  // namespace
}  // namespace ctclip

// These stand before libc's for everything linked into this program.
extern "C" {

ssize_t write(int descriptor, void const* data, size_t size) {
    if (ctclip::is_due("write", ctclip::path_of(descriptor), ctclip::FaultKind::kErrno)) {
        return -1;
    }
    bool const is_short =
        size > 1 && ctclip::is_due("write", ctclip::path_of(descriptor), ctclip::FaultKind::kShortWrite);
    return syscall(SYS_write, descriptor, data, is_short ? size / 2 : size);
}

ssize_t pread(int descriptor, void* data, size_t size, off_t offset) {
    if (ctclip::is_due("pread", ctclip::path_of(descriptor), ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return syscall(SYS_pread64, descriptor, data, size, offset);
}

int fsync(int descriptor) {
    if (ctclip::is_due("fsync", ctclip::path_of(descriptor), ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_fsync, descriptor));
}

int close(int descriptor) {
    bool const fails = ctclip::is_due("close", ctclip::path_of(descriptor), ctclip::FaultKind::kErrno);
    int const error_number = errno;
    int const status =
        static_cast<int>(syscall(SYS_close, descriptor));  // Linux closes even when it reports an error
    errno = fails ? error_number : errno;
    return fails ? -1 : status;
}

int open(char const* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t const mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (ctclip::is_due("open", path, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int link(char const* from, char const* to) {
    if (ctclip::is_due("link", to, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_link, from, to));
}

int unlink(char const* path) {
    if (ctclip::is_due("unlink", path, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_unlink, path));
}

int rename(char const* from, char const* to) {
    if (ctclip::is_due("rename", to, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_rename, from, to));
}

}  // extern "C"

namespace ctclip {
namespace {

class IoFault : public testing::Test {
  protected:
    IoFault() : dataset_(3) {
        set_log_level(LogLevel::kError);  // a warning for every fault that is survived would fill pages
        dataset_.run();
        expected_ = content_of(dataset_.options.output);
    }
    ~IoFault() override { set_log_level(LogLevel::kInfo); }

    /// @return false if the conversion ends before the fault is due.
    bool survives(FaultPlan plan) {
        fs::remove_all(dataset_.options.output);
        plan.folder = dataset_.options.output.string();
        arm(&plan);
        bool is_reported = false;
        try {
            dataset_.run();
        } catch (Error const& error) {
            is_reported = true;
            EXPECT_THAT(error.code(), testing::AnyOf(ExitCode::kIoError, ExitCode::kCannotCreate,
                                                     ExitCode::kNoPermission, ExitCode::kTryAgain))
                << error.what();
        }
        arm(nullptr);
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

    int num_faults_ = 0;
    int num_reported_ = 0;

  private:
    static void arm(FaultPlan* plan) {
        std::lock_guard const guard(fault_mutex);
        fault_plan = plan;
    }

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
    sweep("fsync", {EIO});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFault, OfACloseOfAWrittenFileIsReported) {
    sweep("close", {EIO});
}

TEST_F(IoFault, OfAReadIsReportedOrRepeated) {
    sweep("pread", {EIO});  // a direct read that fails once is tried again through the page cache
    EXPECT_GT(num_reported_, 0);
}

TEST_F(IoFault, OfAnOpenIsReported) {
    sweep("open", {EACCES, EMFILE});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFault, OfPublishingIsReported) {
    sweep("link", {EIO, EROFS});
    EXPECT_EQ(num_reported_, num_faults_);
    sweep("rename", {EIO});
    EXPECT_EQ(num_reported_, num_faults_);
}

TEST_F(IoFault, OfRemovingATemporaryLosesNothing) {
    sweep("unlink", {EIO});
}

TEST_F(IoFault, InterruptedAndShortWritesAreCompleted) {
    for (FaultKind const kind : {FaultKind::kErrno, FaultKind::kShortWrite}) {
        FaultPlan plan;
        plan.call = "write";
        plan.kind = kind;
        plan.error_number = EINTR;
        for (plan.fatal_number = 1; survives(plan); ++plan.fatal_number) {
            ASSERT_LT(plan.fatal_number, 1000);
        }
    }
    EXPECT_GT(num_faults_, 0);
    EXPECT_EQ(num_reported_, 0);
}

}  // namespace
}  // namespace ctclip
