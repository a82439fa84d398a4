#include "train/resume_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char const* kConfig =
    "experiment: {seed: 1, name: a}\n"
    "data: {batch_size: 4, num_workers: 2, target_shape: [4, 8, 8]}\n"
    "training: {learning_rate: 0.001, max_seconds: null, hang_timeout_s: 20, gradient_accumulation_steps: 1}\n"
    "logging: {log_every_n_steps: 10}\n";

CheckpointInfo info_with(std::string const& config, std::int64_t world_size = 1) {
    CheckpointInfo info;
    info.world_size = world_size;
    info.num_threads = 2;
    info.config = config;
    info.software = "ctclip 1";
    return info;
}

std::string replaced(std::string text, std::string const& from, std::string const& to) {
    return text.replace(text.find(from), from.size(), to);
}

TEST(ResumeCheck, TheSameRunHasNoDifference) {
    EXPECT_THAT(find_resume_differences(info_with(kConfig), info_with(kConfig), true), IsEmpty());
}

TEST(ResumeCheck, NamesSettingsOfTheMathematicsWithBothValues) {
    std::string changed = replaced(kConfig, "learning_rate: 0.001", "learning_rate: 0.01");
    changed = replaced(changed, "seed: 1", "seed: 2");
    changed = replaced(changed, "[4, 8, 8]", "[8, 8, 8]");
    EXPECT_THAT(find_resume_differences(info_with(kConfig), info_with(changed), true),
                ElementsAre("data.target_shape: [4, 8, 8] then, [8, 8, 8] now", "experiment.seed: 1 then, 2 now",
                            "training.learning_rate: 0.001 then, 0.01 now"));
}

TEST(ResumeCheck, LeavesOutWhatDoesNotReachTheMathematics) {
    std::string changed = replaced(kConfig, "max_seconds: null", "max_seconds: 60");
    changed = replaced(changed, "hang_timeout_s: 20", "hang_timeout_s: 60");
    changed = replaced(changed, "log_every_n_steps: 10", "log_every_n_steps: 1");
    changed = replaced(changed, "num_workers: 2", "num_workers: 8");
    changed = replaced(changed, "name: a", "name: b");
    EXPECT_THAT(find_resume_differences(info_with(kConfig), info_with(changed), true), IsEmpty());
}

TEST(ResumeCheck, AnotherWorldSizeWithAsManySamplesAMicroBatchIsTheSameRun) {
    std::string const halved = replaced(kConfig, "batch_size: 4", "batch_size: 2");
    EXPECT_THAT(find_resume_differences(info_with(kConfig), info_with(halved, 2), true), IsEmpty());
    EXPECT_THAT(find_resume_differences(info_with(kConfig), info_with(kConfig, 2), true),
                ElementsAre("samples a micro-batch (data.batch_size x ranks): 4 then, 8 now"));
}

// Each micro-batch is contrasted by itself: the same samples a step have fewer negatives.
TEST(ResumeCheck, AccumulationDoesNotStandInForRanks) {
    std::string const accumulated =
        replaced(kConfig, "gradient_accumulation_steps: 1", "gradient_accumulation_steps: 2");
    EXPECT_THAT(find_resume_differences(info_with(kConfig, 2), info_with(accumulated, 1), true),
                ElementsAre("samples a micro-batch (data.batch_size x ranks): 8 then, 4 now",
                            "training.gradient_accumulation_steps: 1 then, 2 now"));
}

TEST(ResumeCheck, LocalNegativesAreThoseOfOneRank) {
    std::string const local = std::string(kConfig) + "model: {clip: {negatives: local}}\n";
    std::string const halved = replaced(local, "batch_size: 4", "batch_size: 2");
    EXPECT_THAT(find_resume_differences(info_with(local), info_with(halved, 2), true),
                ElementsAre("data.batch_size: 4 then, 2 now"));
}

TEST(ResumeCheck, AKeyThatOnlyOneOfThemHasIsADifference) {
    std::string const with_eps = replaced(kConfig, "training: {", "training: {eps: 1e-6, ");
    EXPECT_THAT(find_resume_differences(info_with(kConfig), info_with(with_eps), true),
                ElementsAre("training.eps: not set then, 1e-6 now"));
}

TEST(ResumeCheck, ThreadsCountOnTheCpuOnly) {
    CheckpointInfo other = info_with(kConfig);
    other.num_threads = 1;
    other.software = "ctclip 2";
    EXPECT_THAT(find_resume_differences(info_with(kConfig), other, true),
                ElementsAre("software: ctclip 1 then, ctclip 2 now", "threads a rank: 2 then, 1 now"));
    EXPECT_THAT(find_resume_differences(info_with(kConfig), other, false),
                ElementsAre("software: ctclip 1 then, ctclip 2 now"));
}

}  // namespace
}  // namespace ctclip
