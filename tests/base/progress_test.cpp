#include "base/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "base/log.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

template <class Action>
std::string stderr_of(Action const& action) {
    testing::internal::CaptureStderr();
    action();
    return testing::internal::GetCapturedStderr();
}

TEST(FormatDuration, UsesTheUnitsAPersonWould) {
    EXPECT_EQ(format_duration(std::chrono::milliseconds(1234)), "1.2 s");
    EXPECT_EQ(format_duration(std::chrono::seconds(42)), "42 s");
    EXPECT_EQ(format_duration(std::chrono::seconds(200)), "3 min 20 s");
    EXPECT_EQ(format_duration(std::chrono::seconds(7500)), "2 h 05 min");
}

TEST(Progress, PrintsPlainLinesNoOftenerThanTheInterval) {
    std::string const text = stderr_of([] {
        Progress progress("convert", "volumes", 10, ProgressStyle::kLines, std::chrono::hours(1));
        progress.advance(4);
        progress.advance(6);
        progress.finish();
    });
    EXPECT_THAT(text, HasSubstr("convert: 10/10 volumes in "));
    EXPECT_THAT(text, Not(HasSubstr("4/10")));
    EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(Progress, LinesHaveCountRateRemainingTimeAndDetail) {
    std::string const text = stderr_of([] {
        Progress progress("train", "steps", 10, ProgressStyle::kLines, std::chrono::milliseconds(0));
        progress.set_detail("loss 2.3");
        progress.advance(4);
    });
    EXPECT_THAT(text, HasSubstr("train: 4/10 steps, "));
    EXPECT_THAT(text, HasSubstr("steps/s, "));
    EXPECT_THAT(text, HasSubstr(" left, loss 2.3"));
}

TEST(Progress, TheBarIsRedrawnInPlaceAndWipedBeforeALogLine) {
    ::setenv("NO_COLOR", "1", 1);
    std::string const text = stderr_of([] {
        Progress progress("convert", "volumes", 4, ProgressStyle::kBar);
        std::this_thread::sleep_for(std::chrono::milliseconds(120));
        progress.advance(2);
        log_info("a line");
        progress.finish();
    });
    EXPECT_THAT(text, StartsWith("\r\x1b[Kconvert [##############..............]  50% 2/4 volumes"));
    std::size_t const line = text.find("a line");
    ASSERT_NE(line, std::string::npos);
    EXPECT_NE(text.rfind("\r\x1b[K", line), 0U) << "the bar must be wiped again before the line";
    ::unsetenv("NO_COLOR");
}

TEST(Progress, SilentPrintsNothing) {
    EXPECT_THAT(stderr_of([] {
                    Progress progress("x", "y", 1, ProgressStyle::kSilent, std::chrono::milliseconds(0));
                    progress.advance();
                    progress.finish();
                }),
                IsEmpty());
}

TEST(Progress, UnitsOfAnEarlierRunDoNotCountForTheRate) {
    std::string const text = stderr_of([] {
        Progress progress("x", "y", 1'000'000, ProgressStyle::kLines, std::chrono::milliseconds(0));
        progress.resume_at(999'999);
        progress.finish();
    });
    EXPECT_THAT(text, HasSubstr("999999/1000000 y"));
    EXPECT_THAT(text, HasSubstr(" 0 y/s"));
}

}  // namespace
}  // namespace ctclip
