#include "jobs/program_frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <new>

#include "base/error.hpp"
#include "base/stop_signal.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

TEST(FailureOf, KnowsTooLittleMemoryByTheWordsOfLibTorchToo) {
    for (char const* const text :
         {"[enforce fail at alloc_cpu.cpp:128] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
          "allocate 99 bytes. Error code 12 (Cannot allocate memory)\nframe #0: c10::Error",
          "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB\nframe #0: "
          "c10::Error",
          "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`\nframe #0: c10::Error"}) {
        Failure const failure = failure_of([&] { throw std::runtime_error(text); });
        EXPECT_EQ(failure.code, ExitCode::kTryAgain) << text;
        EXPECT_THAT(failure.text, AllOf(StartsWith("out of memory: "), HasSubstr("batch_size"),
                                        HasSubstr("num_workers"), HasSubstr("recompute"), Not(HasSubstr("frame #0"))));
    }
}

TEST(FailureOf, ARequestedStopIsNoError) {
    Failure const failure = failure_of([] { throw Stopped("stopped after step 3"); });

    EXPECT_EQ(failure.code, ExitCode::kTryAgain);
    EXPECT_TRUE(failure.is_stop);
    EXPECT_THAT(failure.text, HasSubstr("step 3"));
}

}  // namespace
}  // namespace ctclip
