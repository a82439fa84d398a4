#include "train/train_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace ctclip {
namespace {

TEST(StepPlan, CountsInStepsWinOverCountsInEpochs) {
    TrainOptions options;
    options.training.max_steps = 7;
    options.training.max_epochs = 100.0;
    options.training.warmup_steps = 3;
    StepPlan const plan = make_step_plan(options, /*num_samples=*/100, /*global_batch=*/10);
    EXPECT_EQ(plan.steps_per_epoch, 10);
    EXPECT_EQ(plan.max_steps, 7);
    EXPECT_EQ(plan.warmup_steps, 3);
}

TEST(StepPlan, EpochsBecomeSteps) {
    TrainOptions options;
    options.training.max_steps.reset();
    options.training.max_epochs = 3.0;
    options.training.save_every_n_steps.reset();
    options.training.save_every_n_epochs = 0.5;
    options.validation.eval_every_n_steps.reset();
    StepPlan const plan = make_step_plan(options, /*num_samples=*/105, /*global_batch=*/10);
    EXPECT_EQ(plan.max_steps, 30);
    EXPECT_EQ(plan.save_every_n_steps, 5);
    EXPECT_EQ(plan.eval_every_n_steps, 0);
}

TEST(TrainOptions, RefusesABestMetricThatNoValidationComputes) {
    auto const check = [](std::string const& metrics) {
        TrainOptions options;
        Schema schema;
        options.bind(schema);
        schema.load_text("run: {dir: runs/x}\ndata: {webdataset_shards_val: valid}\nvalidation: {metrics: " +
                             metrics + "}\ncheckpoint: {best_metric: weighted_auroc}\n",
                         "test.yaml");
        schema.check();
    };
    EXPECT_THAT([&] { check("[f1]"); }, testing::ThrowsMessage<Error>(testing::HasSubstr(
                                            "is weighted_auroc, which validation.metrics (f1) does not have")));
    EXPECT_NO_THROW(check("[f1, auroc]"));
}

void check_training(std::string const& section) {
    TrainOptions options;
    Schema schema;
    options.bind(schema);
    schema.load_text("run: {dir: runs/x}\n" + section, "test.yaml");
    schema.check();
}

TEST(TrainOptions, RefusesAMetricThatDoesNotExist) {
    EXPECT_THAT([] { check_training("validation: {metrics: [auroc, aurpc]}\n"); },
                testing::ThrowsMessage<Error>(
                    testing::AllOf(testing::HasSubstr("aurpc"), testing::HasSubstr("auprc"))));
    EXPECT_THROW(check_training("validation: {metrics: [foo]}\ncheckpoint: {best_metric: foo}\n"), Error);
}

// What the optimizer's classes refuse is refused here, before shards are opened and a model is made.
TEST(TrainOptions, HasTheBoundsOfTheClassesThatUseThem) {
    for (char const* const section :
         {"betas: [0.9, 1.0]", "betas: [1.0, 0.9]", "loss_scale: {backoff_factor: 1.0}",
          "loss_scale: {growth_factor: 1.0}", "loss_scale: {initial: 1e39}",
          "loss_scale: {growth_interval: 2147483648}"}) {
        EXPECT_THROW(check_training("training: {" + std::string(section) + "}\n"), Error) << section;
    }
    EXPECT_NO_THROW(check_training("training: {betas: [0.0, 0.999], loss_scale: {growth_factor: 1.001}}\n"));
    EXPECT_THAT([] { check_training("training: {loss_scale: {initial: 64, minimum: 128}}\n"); },
                testing::ThrowsMessage<Error>(
                    testing::HasSubstr("is 128, more than the scale of the first step")));
}

TEST(TrainOptions, RefusesMorePiecesThanABatchHasRows) {
    TrainOptions options;
    Schema schema;
    options.bind(schema);
    schema.load_text("run: {dir: runs/x}\ndata: {batch_size: 4}\ntraining: {grad_cache_chunks: 8}\n", "test.yaml");
    EXPECT_THAT([&] { schema.check(); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("is 8, but a rank's batch has only 4 rows")));
}

TEST(StepPlan, RefusesATrainingSetSmallerThanAStep) {
    EXPECT_THAT([] { make_step_plan({}, /*num_samples=*/9, /*global_batch=*/10); },
                testing::ThrowsMessage<Error>(
                    testing::HasSubstr("9 samples, fewer than one optimizer step takes (10")));
}

}  // namespace
}  // namespace ctclip
