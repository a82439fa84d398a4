#include "base/output_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(OutputLock, LetsOneJobInAndNamesItToTheOther) {
    TempDir const dir;
    OutputLock const lock(dir.path(), "ctclip-convert");
    EXPECT_THAT(
        [&] { OutputLock(dir.path(), "ctclip-train"); },
        ThrowsMessage<Error>(HasSubstr(fmt::format("in use by ctclip-convert (process {}", ::getpid()))));
    EXPECT_NO_THROW(lock.require_held());
}

TEST(OutputLock, IsGoneAfterItsOwner) {
    TempDir const dir;
    { OutputLock const lock(dir.path(), "a"); }
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
    EXPECT_NO_THROW(OutputLock(dir.path(), "b"));
}

/// A link to nowhere can be neither created nor read: that was tried for ever.
TEST(OutputLock, RefusesWhatIsNoLock) {
    TempDir const dir;
    std::filesystem::path const path = dir / ".ctclip.lock";
    std::filesystem::create_symlink("nowhere", path);
    EXPECT_THAT([&] { OutputLock(dir.path(), "a"); }, ThrowsMessage<Error>(HasSubstr("is no lock of ours")));
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    EXPECT_THAT([&] { OutputLock(dir.path(), "a"); }, ThrowsMessage<Error>(HasSubstr("Remove it if nobody works")));
}

TEST(OutputLock, IsTakenOverFromAProcessThatDied) {
    TempDir const dir;
    pid_t const child = ::fork();
    if (child == 0) {
        new OutputLock(dir.path(), "victim");
        ::_exit(0);
    }
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);  // dead, but still listed
    ASSERT_FALSE(std::filesystem::is_empty(dir.path()));
    OutputLock const lock(dir.path(), "heir");
    EXPECT_THAT(read_text_file(dir / ".ctclip.lock"), HasSubstr("heir"));
    ::waitpid(child, nullptr, 0);
}

TEST(OutputLock, IsTakenOverFromAnEarlierStartOfTheSameSlurmJob) {
    TempDir const dir;
    std::ofstream(dir / ".ctclip.lock") << "000000000007"
                                        << R"({"program": "ctclip-convert", "host": "node17", "pid": 1,
        "slurm_job_id": "4711", "slurm_restart_count": "1", "nonce": "x"})";
    ::setenv("SLURM_JOB_ID", "4711", 1);
    ::setenv("SLURM_RESTART_COUNT", "2", 1);
    EXPECT_NO_THROW(OutputLock(dir.path(), "ctclip-convert"));
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
}

TEST(OutputLock, NoticesThatItWasTakenAway) {
    TempDir const dir;
    OutputLock const lock(dir.path(), "a");
    std::filesystem::remove(dir / ".ctclip.lock");
    std::ofstream(dir / ".ctclip.lock") << "000000000001"
                                        << R"({"program": "b", "nonce": "y"})";
    EXPECT_THAT([&] { lock.require_held(); }, ThrowsMessage<Error>(HasSubstr("b (process")));
}

/// As a job on another host left it, whose processes nobody here can see.
constexpr char const* kForeignOwner =
    R"({"program": "ctclip-train", "host": "node17", "boot_id": "b", "pid": 1, "process_start": "5", "nonce": "z"})";

TEST(OutputLock, IsTakenOverFromAnotherHostOnceItsHeartStandsStill) {
    TempDir const dir;
    std::ofstream(dir / ".ctclip.lock") << "000000000007" << kForeignOwner;
    EXPECT_NO_THROW(OutputLock(dir.path(), "ctclip-convert"));
}

/// The content of a lock of this process: {beat, owner}.
std::string content_of_own_lock() {
    TempDir const dir;
    OutputLock const lock(dir.path(), "ctclip-train");
    return read_text_file(dir / ".ctclip.lock");
}

std::string replaced(std::string text, std::string const& from, std::string const& to) {
    std::size_t const at = text.find(from);
    EXPECT_NE(at, text.npos) << from << " is not in " << text;
    return at == text.npos ? text : text.replace(at, from.size(), to);
}

/// Beats in a lock that another process has written.
std::jthread beat_in(std::filesystem::path const& path) {
    return std::jthread([path](std::stop_token const& stop) {
        for (int beat = 8; !stop.stop_requested(); ++beat) {
            std::fstream(path, std::ios::in | std::ios::out) << fmt::format("{:012}", beat);
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    });
}

TEST(OutputLock, IsLeftToAnotherContainerOfThisHostWhileItsHeartBeats) {
    TempDir const dir;
    std::filesystem::path const path = dir / ".ctclip.lock";
    std::string const own = std::filesystem::read_symlink("/proc/self/ns/pid").string();
    std::string const content = replaced(content_of_own_lock(), own, "pid:[1]");
    // A number that no process has here.
    std::ofstream(path) << replaced(content, fmt::format("\"pid\":{}", ::getpid()), "\"pid\":4194303");
    std::jthread const heart = beat_in(path);
    EXPECT_THAT([&] { OutputLock(dir.path(), "ctclip-convert"); },
                ThrowsMessage<Error>(HasSubstr("in use by ctclip-train (process 4194303")));
}

/// Tries to lock `folder` as a user who does not see processes of others.
/// @return the exit code: 0 if it got the lock, 1 if it is in use, 2 if processes cannot be hidden here.
int lock_as_another_user(std::filesystem::path const& folder) {
    pid_t const child = ::fork();
    if (child == 0) {
        bool const is_hidden = ::unshare(CLONE_NEWNS) == 0 &&
                               ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                               ::mount("proc", "/proc", "proc", 0, "hidepid=2") == 0 && ::setgid(65534) == 0 &&
                               ::setgroups(0, nullptr) == 0 && ::setuid(65534) == 0;
        int code = is_hidden ? 0 : 2;
        try {
            is_hidden ? static_cast<void>(OutputLock(folder, "stranger")) : void();
        } catch (Error const&) {
            code = 1;
        }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST(OutputLock, IsLeftToAnotherUserWhoseProcessIsHidden) {
    TempDir const dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
    OutputLock const lock(dir.path(), "ctclip-train");
    int const code = lock_as_another_user(dir.path());
    if (code == 2) {
        GTEST_SKIP() << "needs root, to mount a /proc that hides processes";
    }
    EXPECT_EQ(code, 1);
    EXPECT_NO_THROW(lock.require_held());
}

TEST(OutputLock, BeatsInItsOwnFileOnly) {
    TempDir const held;
    TempDir const lost;
    OutputLock const lock(held.path(), "a");
    OutputLock const lost_lock(lost.path(), "a");
    std::filesystem::remove(lost / ".ctclip.lock");
    std::string const heirs = std::string("000000000000") + kForeignOwner;
    std::ofstream(lost / ".ctclip.lock") << heirs;
    std::this_thread::sleep_for(std::chrono::milliseconds(5500));
    EXPECT_THAT(read_text_file(held / ".ctclip.lock"), testing::StartsWith("000000000001"));
    EXPECT_EQ(read_text_file(lost / ".ctclip.lock"), heirs);
}

TEST(OutputLock, IsLeftToAnotherHostWhileItsHeartBeats) {
    TempDir const dir;
    std::filesystem::path const path = dir / ".ctclip.lock";
    std::ofstream(path) << "000000000007" << kForeignOwner;
    std::jthread const heart = beat_in(path);
    EXPECT_THAT([&] { OutputLock(dir.path(), "ctclip-convert"); },
                ThrowsMessage<Error>(HasSubstr("in use by ctclip-train (process 1 on host node17")));
}

TEST(OutputLock, IsTakenOverThoughAnEarlierTakeoverDied) {
    TempDir const dir;
    std::ofstream(dir / ".ctclip.lock") << "000000000007"
                                        << R"({"program": "old", "slurm_job_id": "4711"})";
    std::ofstream(dir / ".ctclip.lock.takeover") << "000000000000" << kForeignOwner;
    ::setenv("SLURM_JOB_ID", "4711", 1);
    ::setenv("SLURM_RESTART_COUNT", "1", 1);
    { EXPECT_NO_THROW(OutputLock(dir.path(), "ctclip-convert")); }
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
}

/// Starts jobs that all find the same stale lock. The winner keeps it until all have tried.
/// @return how many got the lock, and how many of those still had it at the end.
std::array<int, 2> race_for_a_stale_lock(std::filesystem::path const& folder, int num_jobs) {
    std::ofstream(folder / ".ctclip.lock")
        << "000000000007"
        << R"({"program": "old", "slurm_job_id": "4711", "slurm_restart_count": "1"})";
    std::array<int, 2> outcome{};
    std::array<int, 2> finish{};
    EXPECT_EQ(::pipe(outcome.data()) + ::pipe(finish.data()), 0);
    std::vector<pid_t> jobs;
    for (int i = 0; i < num_jobs; ++i) {
        jobs.push_back(::fork());
        if (jobs.back() == 0) {
            ::close(finish[1]);
            int code = 1;
            try {
                OutputLock const lock(folder, "racer");
                char byte = 'w';
                (void)!::write(outcome[1], &byte, 1);
                (void)!::read(finish[0], &byte, 1);  // returns when the parent closes its end
                lock.require_held();
                code = 0;
            } catch (Error const& error) {
                char const byte = error.code() == ExitCode::kCannotCreate ? 'r' : 'e';
                (void)!::write(outcome[1], &byte, 1);
            }
            ::_exit(code);
        }
    }
    int num_winners = 0;
    for (int i = 0; i < num_jobs; ++i) {
        char byte = 0;
        EXPECT_EQ(::read(outcome[0], &byte, 1), 1);
        EXPECT_NE(byte, 'e') << "another error than 'in use'";
        num_winners += byte == 'w' ? 1 : 0;
    }
    ::close(finish[1]);
    int num_keepers = 0;
    for (pid_t const job : jobs) {
        int status = 0;
        ::waitpid(job, &status, 0);
        num_keepers += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    for (int const descriptor : {outcome[0], outcome[1], finish[0]}) {
        ::close(descriptor);
    }
    return {num_winners, num_keepers};
}

TEST(OutputLock, HasOneWinnerWhenManyFindItStale) {
    ::setenv("SLURM_JOB_ID", "4711", 1);
    ::setenv("SLURM_RESTART_COUNT", "2", 1);
    for (int round = 0; round < 50; ++round) {
        TempDir const dir;
        auto const [num_winners, num_keepers] = race_for_a_stale_lock(dir.path(), 6);
        ASSERT_EQ(num_winners, 1) << "round " << round;
        ASSERT_EQ(num_keepers, 1) << "round " << round;
    }
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
}

}  // namespace
}  // namespace ctclip
