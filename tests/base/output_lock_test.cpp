#include "base/output_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

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

}  // namespace
}  // namespace ctclip
