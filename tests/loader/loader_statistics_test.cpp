#include "loader/loader_statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;

TEST(WarningAbout, SaysNothingWhereLoadingKeepsUp) {
    EXPECT_EQ(warning_about({10, 100.0, 29.0, {.read_s = 5.0}}), std::nullopt);
    EXPECT_EQ(warning_about({0, 0.0, 0.0, {}}), std::nullopt);
}

TEST(WarningAbout, NamesTheShareTheStageAndWhatHelpsThere) {
    EXPECT_THAT(warning_about({10, 100.0, 92.0, {.read_s = 1.0, .preprocess_s = 8.0, .text_s = 1.0}}),
                Optional(AllOf(HasSubstr("92 % of the time of the last 10 steps"),
                               HasSubstr("80 % of their time on preprocessing"),
                               HasSubstr("convert to preprocessed shards"))));
    EXPECT_THAT(
        warning_about({10, 100.0, 92.0, {.read_s = 8.0, .preprocess_s = 1.0, .text_s = 1.0}}),
        Optional(AllOf(HasSubstr("reading"), HasSubstr("faster storage"), Not(HasSubstr("preprocessed")))));
    EXPECT_THAT(warning_about({10, 100.0, 92.0, {.read_s = 1.0, .preprocess_s = 1.0, .text_s = 8.0}}),
                Optional(HasSubstr("tokenizing")));
    EXPECT_THAT(warning_about({10, 100.0, 92.0, {.read_s = 1.0, .checksum_s = 3.0, .text_s = 1.0}}),
                Optional(HasSubstr("60 % of their time on verifying checksums")));
}

/// Storage that became slow late in a run is to blame then, whatever was slow before.
TEST(WarningAbout, BlamesWhatHappenedMeanwhile) {
    StageTimes const before{.read_s = 1.0, .preprocess_s = 1000.0};
    StageTimes const now{.read_s = 51.0, .preprocess_s = 1002.0};
    EXPECT_THAT(warning_about({10, 100.0, 92.0, now - before}), Optional(HasSubstr("time on reading")));
}

}  // namespace
}  // namespace ctclip
