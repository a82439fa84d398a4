#include "train/step_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

namespace ctclip {
namespace {

StepFacts example() {
    StepFacts facts;
    facts.step = 3;
    facts.loss = 2.5;
    facts.timer.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // on a busy machine the other may oversleep by ten
    facts.timer.lap(StepPart::kData);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    facts.timer.lap(StepPart::kForward);
    facts.step_s = facts.timer.total_s();
    facts.num_volumes = 4;
    facts.flops = 30e9 * facts.step_s;
    facts.peak_flops_per_s = 100e9;
    return facts;
}

TEST(StepReport, HasTheKeysThatReadersOfMetricsRelyOn) {
    auto const record = to_record(example());
    for (char const* key : {"step", "epoch", "loss", "lr", "loss_scale", "skipped_steps", "grad_norm", "data_s",
                            "step_s", "volumes_per_s", "peak_memory_bytes"}) {
        EXPECT_TRUE(record.contains(key)) << key;
    }
}

TEST(StepReport, SharesAreThoseOfTheStep) {
    StepFacts const facts = example();
    auto const record = to_record(facts);
    double sum = 0.0;
    for (char const* part : kStepPartNames) {
        double const share = record.at(std::string(part) + "_share");
        EXPECT_DOUBLE_EQ(share * facts.step_s, record.at(std::string(part) + "_s").get<double>());
        sum += share;
    }
    EXPECT_GT(record.at("data_share").get<double>(), record.at("forward_share").get<double>());
    EXPECT_GT(sum, 0.9);
    EXPECT_LE(sum, 1.0);
}

TEST(StepReport, UtilisationIsWorkOverTimeOverPeak) {
    StepFacts facts = example();
    EXPECT_NEAR(to_record(facts).at("model_flop_utilisation").get<double>(), 0.3, 1e-12);
    facts.peak_flops_per_s = 0.0;  // unknown
    EXPECT_TRUE(to_record(facts).at("model_flop_utilisation").is_null());
}

TEST(StepReport, DeviceMemoryIsThereWhereTheDeviceHasSome) {
    StepFacts facts = example();
    EXPECT_FALSE(to_record(facts).contains("peak_device_memory_bytes"));
    facts.peak_device_memory_bytes = 123;
    EXPECT_EQ(to_record(facts).at("peak_device_memory_bytes"), 123);
}

TEST(StepReport, WhatBackwardHidesOfTheGradientsTravelIsThereWhereItIsKnown) {
    StepFacts facts = example();
    EXPECT_FALSE(to_record(facts).contains("sync_hidden_share"));
    facts.sync_hidden_share = 0.75;
    EXPECT_EQ(to_record(facts).at("sync_hidden_share"), 0.75);
    LoggingOptions logging;
    logging.log_every_n_steps = 1;
    testing::internal::CaptureStderr();
    StepReporter(logging, 5).report(facts, {});
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("sync 0 % (75 % hidden), optimizer"));
}

TEST(StepReport, LossesThatJsonCannotSayAreNull) {
    StepFacts facts = example();
    facts.loss = std::nan("");
    EXPECT_TRUE(to_record(facts).at("loss").is_null());
}

TEST(StepReport, ALineSaysWhereTheTimeWentAndWhenItEnds) {
    LoggingOptions logging;
    logging.log_every_n_steps = 1;
    StepReporter reporter(logging, 5);
    StepFacts facts = example();
    testing::internal::CaptureStderr();
    reporter.report(facts, {});
    std::string const text = testing::internal::GetCapturedStderr();
    for (char const* words : {"step 3/5", "data ", "forward ", "backward 0 %", "optimizer 0 %", "volumes/s", "MFU 30 %",
                              "memory ", "ETA "}) {
        EXPECT_THAT(text, testing::HasSubstr(words));
    }
}

}  // namespace
}  // namespace ctclip
