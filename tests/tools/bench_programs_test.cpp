// What benchmarks say of their options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;

TEST(BenchConvert, HelpDoesNotPromiseToGoOnInAFolderThatIsRemoved) {
    ProcessResult const help = run_process({CTCLIP_BIN "/ctclip-bench", "convert", "--help"});
    EXPECT_EQ(help.exit_code, 0) << help.err;
    EXPECT_THAT(help.out, HasSubstr("the output folder must not exist"));
    EXPECT_THAT(help.out, testing::Not(HasSubstr("resumes")));
}

TEST(BenchTrain, ABatchThatNoMemoryHoldsIsAUsageError) {
    ProcessResult const result = run_process({CTCLIP_BIN "/ctclip-bench", "train", "--batch", "100000000"});
    EXPECT_EQ(result.exit_code, 64);
    EXPECT_THAT(result.err, HasSubstr("--batch: must be at most 4096"));
}

}  // namespace
}  // namespace ctclip
