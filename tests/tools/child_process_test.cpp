#include "tools/child_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
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

TEST(RunAndWait, PassesSignalsOnToTheChild) {
    TempDir const dir;
    std::thread sender([&] {
        while (!std::filesystem::exists(dir / "ready")) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        ::kill(::getpid(), SIGUSR1);
    });
    int const code = run_and_wait(
        {"sh", "-c", "trap 'exit 75' USR1; : > \"$0\"; while :; do sleep 0.02; done", dir / "ready"}, dir / "log");
    sender.join();
    EXPECT_EQ(code, 75);
}

TEST(RunAndWait, NamesAProgramThatCannotBeStarted) {
    TempDir const dir;
    EXPECT_THAT([&] { run_and_wait({(dir / "missing").string()}, dir / "log"); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("missing")));
}

}  // namespace
}  // namespace ctclip
