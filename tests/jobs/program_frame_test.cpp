#include "jobs/program_frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <new>

#include "base/error.hpp"
#include "base/stop_signal.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;

TEST(FailureOf, GivesEveryExceptionItsExitCode) {
    EXPECT_EQ(failure_of([] {}).code, ExitCode::kDone);
    EXPECT_EQ(failure_of([] { fail(ExitCode::kBadConfig, "x"); }).code, ExitCode::kBadConfig);
    EXPECT_EQ(failure_of([] { throw std::bad_alloc(); }).code, ExitCode::kTryAgain);
    EXPECT_EQ(failure_of([] { throw std::logic_error("x"); }).code, ExitCode::kInternal);
    EXPECT_EQ(failure_of([] { throw OutputClosed(); }).code, ExitCode::kDone);
    auto const denied = std::make_error_code(std::errc::permission_denied);
    EXPECT_EQ(failure_of([&] { throw std::filesystem::filesystem_error("x", denied); }).code,
              ExitCode::kNoPermission);
    auto const broken = std::make_error_code(std::errc::io_error);
    EXPECT_EQ(failure_of([&] { throw std::filesystem::filesystem_error("x", broken); }).code,
              ExitCode::kIoError);
}

TEST(FailureOf, ARequestedStopIsNoError) {
    Failure const failure = failure_of([] { throw Stopped("stopped after step 3"); });

    EXPECT_EQ(failure.code, ExitCode::kTryAgain);
    EXPECT_TRUE(failure.is_stop);
    EXPECT_THAT(failure.text, HasSubstr("step 3"));
}

}  // namespace
}  // namespace ctclip
