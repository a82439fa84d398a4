#include "base/stop_signal.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

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
