#include "tools/child_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/stop_signal.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

TEST(RunAndWait, GivesTheExitCodeAndAppendsBothOutputsToTheLog) {
    TempDir const dir;
    EXPECT_EQ(run_and_wait({"sh", "-c", "echo one; echo two >&2"}, dir / "log"), 0);
    EXPECT_EQ(run_and_wait({"sh", "-c", "echo three; exit 65"}, dir / "log"), 65);
    EXPECT_EQ(read_text_file(dir / "log"), "one\ntwo\nthree\n");
    EXPECT_EQ(run_and_wait({"sh", "-c", "kill -9 $$"}, dir / "log"), 128 + SIGKILL);
}

void block_all_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

TEST(RunAndWait, PassesEverySignalThatAsksForAStopOnToTheChild) {
    for (int const signal : stop_signals()) {
        auto const before = std::signal(signal, SIG_DFL);  // nohup ignores SIGHUP
        TempDir const dir;
        std::thread sender([&] {
            block_all_signals();  // or this thread takes it, before the other one passes signals on
            while (!std::filesystem::exists(dir / "ready")) {
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
            ::kill(::getpid(), signal);
        });
        std::string const script =
            fmt::format("trap 'exit 75' {}; : > \"$0\"; while :; do sleep 0.02; done", signal);
        int const code = run_and_wait({"bash", "-c", script, dir / "ready"}, dir / "log");
        sender.join();
        std::signal(signal, before);
        EXPECT_EQ(code, 75) << signal;
    }
}

/// True once the thread blocks the signal.
bool is_blocked(pid_t thread, int signal) {
    std::ifstream status(fmt::format("/proc/self/task/{}/status", thread));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("SigBlk:")) {
            return ((std::stoull(line.substr(7), nullptr, 16) >> (signal - 1)) & 1) != 0;
        }
    }
    return false;
}

TEST(RunAndWait, ASignalThatComesBeforeTheChildWaitsForIt) {
    TempDir const dir;
    std::filesystem::path const log = dir / "log";
    ASSERT_EQ(::mkfifo(log.c_str(), 0600), 0);  // opening it to write waits for a reader
    pid_t const caller = ::gettid();
    std::thread sender([&] {
        block_all_signals();
        while (!is_blocked(caller, SIGUSR1)) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        ::kill(::getpid(), SIGUSR1);
        std::ifstream reader(log);  // now the child may start
        std::string line;
        std::getline(reader, line);
    });
    EXPECT_EQ(run_and_wait({"sleep", "60"}, log), 128 + SIGUSR1);
    sender.join();
    EXPECT_FALSE(is_blocked(caller, SIGUSR1));
}

TEST(RunAndWait, TheChildTakesSignalsAsItsParentDid) {
    TempDir const dir;
    EXPECT_EQ(run_and_wait({"sh", "-c", "kill -TERM $$; exit 3"}, dir / "log"), 128 + SIGTERM);
}

TEST(RunAndWait, NamesAProgramThatCannotBeStarted) {
    TempDir const dir;
    EXPECT_THAT([&] { run_and_wait({(dir / "missing").string()}, dir / "log"); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("missing")));
}

}  // namespace
}  // namespace ctclip
