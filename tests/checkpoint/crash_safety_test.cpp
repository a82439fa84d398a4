// A save may be killed at any moment and may meet a full disk: what was acknowledged before is still there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/example_state.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;

void save_step(std::filesystem::path const& folder, std::int64_t step) {
    CheckpointStore store(folder, {});
    store.save(example_state(static_cast<std::uint64_t>(step), step));
}

/// Runs `body` in a child that dies at its `num_calls`-th system call from now. True if it came to its end
/// before.
template <class Body>
bool run_until_system_call(std::size_t num_calls, Body body) {
    pid_t const child = ::fork();
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        body();
        ::_exit(kDone);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
    // Each call stops twice, at its entry and at its end; between two calls nothing changes outside the
    // process.
    for (std::size_t i = 0; i < 2 * num_calls; ++i) {
        ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
        ::waitpid(child, &status, 0);
        if (WIFEXITED(status)) {
            EXPECT_EQ(WEXITSTATUS(status), kDone);
            return true;
        }
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return false;
}

TEST(CheckpointCrash, KilledAtAnySystemCallLosesNothingAcknowledged) {
    TempDir const dir;
    save_step(dir.path(), 1);
    bool is_saved = false;
    std::size_t num_kills = 0;
    for (; !is_saved; ++num_kills) {
        is_saved = run_until_system_call(num_kills, [&] { save_step(dir.path(), 2); });
        auto const loaded = load_newest_valid(dir.path());
        ASSERT_TRUE(loaded.has_value());
        std::int64_t const step = loaded->state.info.step;
        EXPECT_TRUE(is_saved ? step == 2 : step == 1 || step == 2) << "kill " << num_kills;
        expect_equal(loaded->state, example_state(static_cast<std::uint64_t>(step), step));
        CheckpointStore const swept(dir.path(), {});
        std::filesystem::remove(dir.path() / checkpoint_name(2));
        ASSERT_LE(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 2)
            << "kill " << num_kills;
    }
    EXPECT_GT(num_kills, 30U);
    RecordProperty("kills", std::to_string(num_kills));
}

/// Saves step after step until it is killed, and says on a pipe which of them are done.
[[noreturn]] void save_for_ever(std::filesystem::path const& folder, std::int64_t first_step, int acknowledgements) {
    CheckpointStore store(folder, {});
    for (std::int64_t step = first_step;; ++step) {
        store.save(example_state(static_cast<std::uint64_t>(step), step));
        if (::write(acknowledgements, &step, sizeof step) != sizeof step) {
            ::_exit(kFailed);
        }
    }
}

// CTCLIP_KILLS=1000 for the long run.
TEST(CheckpointCrash, KilledAtARandomMomentLosesNothingAcknowledged) {
    set_log_level(LogLevel::kError);
    char const* const text = std::getenv("CTCLIP_KILLS");
    std::size_t const num_kills = text == nullptr ? 25 : std::strtoul(text, nullptr, 10);
    TempDir const dir;
    auto const start = std::chrono::steady_clock::now();
    save_step(dir.path(), 1);
    std::chrono::duration<double> const save_time = std::chrono::steady_clock::now() - start;
    std::int64_t newest = 1;
    std::int64_t num_acknowledged = 0;
    for (std::size_t kill = 0; kill < num_kills; ++kill) {
        int pipe_ends[2];
        ASSERT_EQ(::pipe(pipe_ends), 0);
        pid_t const child = ::fork();
        if (child == 0) {
            save_for_ever(dir.path(), newest + 1, pipe_ends[1]);
        }
        ::close(pipe_ends[1]);
        std::this_thread::sleep_for(3.0 * to_unit(splitmix64(11, kill)) * save_time);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        for (std::int64_t step = 0; ::read(pipe_ends[0], &step, sizeof step) == sizeof step;) {
            newest = step;
            ++num_acknowledged;
        }
        ::close(pipe_ends[0]);
        auto const loaded = load_newest_valid(dir.path());
        ASSERT_TRUE(loaded.has_value()) << "kill " << kill;
        std::int64_t const step = loaded->state.info.step;
        ASSERT_TRUE(step == newest || step == newest + 1) << "kill " << kill << ": " << newest << " acknowledged, "
                                                          << step << " found";
        expect_equal(loaded->state, example_state(static_cast<std::uint64_t>(step), step));
        newest = step;
    }
    EXPECT_GT(num_acknowledged, 0);
    RecordProperty("kills", std::to_string(num_kills));
    RecordProperty("acknowledged", std::to_string(num_acknowledged));
    set_log_level(LogLevel::kInfo);
}

/// The child may write files of at most `limit_bytes`: as a full disk, the write fails half way.
int save_within(std::filesystem::path const& folder, rlim_t limit_bytes) {
    pid_t const child = ::fork();
    if (child == 0) {
        rlimit const limit{limit_bytes, limit_bytes};
        ::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
            save_step(folder, 2);
            ::_exit(kDone);
        } catch (Error const& error) {
            ::_exit(error.code() == ExitCode::kIoError ? kFailed : 2);
        }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(CheckpointCrash, AFullDiskIsReportedAndLeavesTheOldCheckpoint) {
    TempDir const dir;
    save_step(dir.path(), 1);
    auto const size = std::filesystem::file_size(dir.path() / checkpoint_name(1));
    for (rlim_t const limit : {rlim_t{0}, rlim_t{1}, rlim_t{512}, rlim_t{size / 2}, rlim_t{size - 1}}) {
        EXPECT_EQ(save_within(dir.path(), limit), kFailed) << limit;
        EXPECT_EQ(load_newest_valid(dir.path())->state.info.step, 1);
    }
    EXPECT_EQ(save_within(dir.path(), size), kDone);
    EXPECT_EQ(load_newest_valid(dir.path())->state.info.step, 2);
}

}  // namespace
}  // namespace ctclip
