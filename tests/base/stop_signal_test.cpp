#include "base/stop_signal.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace ctclip {
namespace {

std::atomic<int> on_next_look_at_the_clock = 0;

}  // namespace
}  // namespace ctclip

/// Stands before libc's. Delivers a signal to another thread in the middle of what looks at the clock.
extern "C" int clock_gettime(clockid_t clock, timespec* time) {
    if (int const signal_number = ctclip::on_next_look_at_the_clock.exchange(0); signal_number != 0) {
        std::thread([=] { std::raise(signal_number); }).join();
    }
    return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}

namespace ctclip {
namespace {

class StopSignal : public testing::Test {
  protected:
    StopSignal() {
        set_stop_signal(0);
        install_stop_signals();
    }
    ~StopSignal() override { set_stop_signal(0); }
};

TEST_F(StopSignal, OnlySetsTheFlag) {
    EXPECT_FALSE(stop_requested());

    std::raise(SIGUSR1);

    EXPECT_TRUE(stop_requested());
    EXPECT_EQ(stop_signal_name(), "SIGUSR1");
}

TEST_F(StopSignal, TheSameRequestDeliveredTwiceAtOnceIsOne) {
    std::raise(SIGTERM);
    std::raise(SIGTERM);
    EXPECT_EQ(stop_signal_name(), "SIGTERM");
}

TEST_F(StopSignal, AnotherTermAfterASecondEndsTheProcess) {
    auto const insist = [] {
        std::raise(SIGTERM);
        std::this_thread::sleep_for(std::chrono::milliseconds(1100));
        std::raise(SIGTERM);
    };
    EXPECT_EXIT(insist(), testing::ExitedWithCode(75), "ending at once");
}

TEST_F(StopSignal, AnotherTermEndsTheProcessThoughAWarningCameFirst) {
    auto const insist = [] {
        std::raise(SIGUSR1);
        std::raise(SIGTERM);
        std::this_thread::sleep_for(std::chrono::milliseconds(1100));
        std::raise(SIGTERM);
    };
    EXPECT_EXIT(insist(), testing::ExitedWithCode(75), "ending at once");
}

TEST_F(StopSignal, OneRequestDeliveredToTwoThreadsAtOnceIsOne) {
    auto const deliver_twice = [] {
        on_next_look_at_the_clock = SIGTERM;
        std::raise(SIGTERM);
        std::_Exit(stop_signal_name() == "SIGTERM" && on_next_look_at_the_clock == 0 ? 0 : 1);
    };
    EXPECT_EXIT(deliver_twice(), testing::ExitedWithCode(0), "");
}

TEST_F(StopSignal, RepeatedWarningsBeforeTheTimeLimitDoNotEndTheProcess) {
    std::raise(SIGUSR1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    std::raise(SIGUSR1);
    EXPECT_EQ(stop_signal_name(), "SIGUSR1");
}

TEST_F(StopSignal, ABrokenPipeIsNoSignal) {
    std::raise(SIGPIPE);
    EXPECT_FALSE(stop_requested());
}

}  // namespace
}  // namespace ctclip
