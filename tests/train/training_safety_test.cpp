// What a run does when something in it breaks: it names the rank, the study, the parameter, keeps the weights
// of before, and ends with advice where nothing else helps. And the host never waits for the step under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.hpp"
#include "dist/self_communicator.hpp"
#include "loader/bad_samples.hpp"
#include "train/run_fixture.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr char kParameter[] = "to_text_latent.weight";

class TrainingSafetyTest : public RunFixture {
  protected:
    TrainingSafetyTest() {
        options_.data.shuffle = false;
        options_.training.max_steps = 4;
        options_.training.warmup_steps = 0;
        options_.training.save_every_n_steps = 1;
        options_.checkpoint.keep_last_n = 10;
    }

    bool is_victim() const { return ranks_.rank() == ranks_.world_size() - 1; }
    std::string victim() const { return "rank " + std::to_string(ranks_.world_size() - 1); }
    /// Of the study in a row of the victim's batch of `step` (from 1); the dataset is used in order.
    std::string study(std::int64_t step, std::int64_t row = 0) const {
        std::int64_t const index =
            4 * (step - 1) + (ranks_.world_size() - 1) * options_.data.batch_size + row;
        return pseudonym(static_cast<std::uint64_t>(options_.experiment.seed), tiny_study_id(index));
    }

    /// Warnings of rank 0 while `action` runs.
    std::string log_of(std::function<void()> const& action) {
        set_log_level(LogLevel::kWarning);
        testing::internal::CaptureStderr();
        action();
        return testing::internal::GetCapturedStderr();
    }
    TrainState checkpoint(std::int64_t step) { return RunFixture::checkpoint(options_, step); }
    std::int64_t num_metrics_lines() const {
        std::ifstream file(options_.run.dir / "metrics.jsonl");
        std::int64_t lines = 0;
        for (std::string line; std::getline(file, line);) {
            ++lines;
        }
        return lines;
    }
};

/// On this rank, in the backward pass of one step (from 1).
void inject_infinity(Trainer const& trainer, std::int64_t step) {
    auto const calls = std::make_shared<std::int64_t>(0);
    trainer.parameters().at(kParameter).register_hook([calls, step](at::Tensor const& gradient) {
        at::Tensor changed = gradient.clone();
        if (++*calls == step) {
            changed.view({-1})[5] = kInfinity;
        }
        return changed;
    });
}

TEST_F(TrainingSafetyTest, MetricsComeOneStepLateAndAllOfThem) {
    options_.training.save_every_n_steps = std::nullopt;
    std::vector<std::int64_t> lines;

    trainer().run([&] {
        lines.push_back(num_metrics_lines());
        return false;
    });

    if (ranks_.rank() == 0) {
        EXPECT_THAT(lines, testing::ElementsAre(0, 1, 2));
        EXPECT_EQ(num_metrics_lines(), 4);
    }
}

TEST_F(TrainingSafetyTest, AnInfiniteGradientOnOneRankLeavesEveryWeightAsItWas) {
    Trainer run = trainer();
    if (is_victim()) {
        inject_infinity(run, 2);
    }

    std::string const log = log_of([&] { run.run(never); });

    TrainState const before = checkpoint(1);
    TrainState const after = checkpoint(2);
    for (auto const& [name, array] : before.model) {
        EXPECT_EQ(array.bytes, after.model.at(name).bytes) << name;  // of all ranks: compared at every save
    }
    for (auto const& [name, array] : before.exp_avg) {
        EXPECT_EQ(array.bytes, after.exp_avg.at(name).bytes) << name;
    }
    EXPECT_EQ(after.scaler.integer("num_skipped_steps"), 1);
    EXPECT_NE(checkpoint(3).model.at(kParameter).bytes, after.model.at(kParameter).bytes);
    if (ranks_.rank() == 0) {
        EXPECT_THAT(log, HasSubstr("step 2: " + victim() + ": the gradient of " + kParameter));
        EXPECT_THAT(log, AllOf(HasSubstr("module to_text_latent"), HasSubstr(study(2))));
    }
}

TEST_F(TrainingSafetyTest, SkipsInARowStopTheRunWithAdviceInItsNumbers) {
    options_.training.precision = ComputeType::kHalf;
    options_.training.optimizer.loss_scaler.max_consecutive_skips = 1;
    options_.training.optimizer.loss_scaler.initial = 16.0;
    Trainer run = trainer();
    if (is_victim()) {
        inject_infinity(run, 2);
    }

    EXPECT_THAT(
        [&] { run.run(never); },
        ThrowsMessage<Error>(AllOf(
            HasSubstr("1 steps in a row"), HasSubstr(victim() + ": the gradient of " + kParameter),
            HasSubstr("training.learning_rate=0.005 (now 0.01"),
            HasSubstr("training.max_grad_norm=0.3 (now 0.5"), HasSubstr("training.mixed_precision=bf16"))));
}

TEST_F(TrainingSafetyTest, ALossThatIsNotANumberIsTracedToRankStudyAndStage) {
    options_.training.save_every_n_steps = std::nullopt;
    Trainer run = trainer();
    auto const poison = [&] {
        if (is_victim()) {
            at::NoGradGuard const no_grad;
            run.parameters().at("to_visual_latent.weight").view({-1})[0] = -std::nanf("");  // logs say nan
        }
        return false;
    };

    EXPECT_THAT([&] { run.run(poison); },
                ThrowsMessage<Error>(AllOf(HasSubstr("the loss of step 2 is nan: " + victim() +
                                                     ": the image latent of study " + study(2)),
                                           HasSubstr("first at image_latent_unnormalised"),
                                           HasSubstr("max_grad_norm=0.3"), Not(HasSubstr("bf16")))));
}

TEST_F(TrainingSafetyTest, OfAccumulatedBatchesTheOneThatBrokeIsReadAgain) {
    if (ranks_.rank() != 0) {
        return;
    }
    SelfCommunicator self;
    options_.data.batch_size = 1;
    options_.training.gradient_accumulation_steps = 4;
    options_.training.save_every_n_steps = std::nullopt;
    Trainer run(options_, config_, world(self));
    auto const poison = [&] {
        at::NoGradGuard const no_grad;
        constexpr std::int64_t kClear = 10;  // a word that only reports of odd studies have
        run.parameters().at("text_transformer.embeddings.word_embeddings.weight")[kClear].fill_(std::nanf(""));
        return false;
    };

    std::string const name = pseudonym(static_cast<std::uint64_t>(options_.experiment.seed), tiny_study_id(5));
    try {
        run.run(poison);
        FAIL() << "NaN was accepted";
    } catch (Error const& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("nan: rank 0: the text latent of study " + name),
                                        HasSubstr("first at "), Not(HasSubstr("no stage"))));
    }
}

TEST_F(TrainingSafetyTest, AVolumeThatHoldsNaNIsBadInput) {
    if (ranks_.rank() == 0) {
        write_tiny_shard(folder_ / "broken", 16, /*bad_sample=*/5);
    }
    ranks_.barrier();
    options_.data.shards_train = (folder_ / "broken").string();
    std::string const name =
        pseudonym(static_cast<std::uint64_t>(options_.experiment.seed), tiny_study_id(5));

    try {
        trainer().run(never);
        FAIL() << "NaN was accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
        EXPECT_THAT(error.what(),
                    HasSubstr("step 2: rank " + std::to_string(5 % 4 / options_.data.batch_size) +
                              ": the volume of study " + name));
    }
}

TEST_F(TrainingSafetyTest, AFlippedBitOfOneReplicaEndsTheRunOnAllRanks) {
    options_.training.save_every_n_steps = std::nullopt;
    options_.training.replica_check_steps = 2;
    Trainer run = trainer();
    auto const flip = [&] {
        at::NoGradGuard const no_grad;
        if (ranks_.rank() == 1) {
            run.parameters().at(kParameter).view(at::kInt).view({-1})[7].bitwise_xor_(1);
        }
        return false;
    };

    if (ranks_.world_size() == 1) {
        EXPECT_NO_THROW(run.run(flip));
    } else {
        EXPECT_THAT([&] { run.run(flip); },
                    ThrowsMessage<Error>(
                        AllOf(HasSubstr("at step 2 the ranks no longer hold the same"),
                              HasSubstr(ranks_.world_size() == 2 ? "ranks 0, 1 differ" : "rank 1 differs"))));
    }
}

TEST_F(TrainingSafetyTest, ACollapsedCodebookIsNamed) {
    options_.training.codebook_window = 2;
    options_.training.codebook_min_share = 1.0;

    std::string const log = log_of([&] { trainer().run(never); });

    if (ranks_.rank() == 0) {
        EXPECT_THAT(log, AllOf(HasSubstr("the codebook has collapsed"), HasSubstr("of 16 codes")));
    }
}

TEST_F(TrainingSafetyTest, ALossScaleAtItsMinimumIsNamedOnce) {
    options_.training.precision = ComputeType::kHalf;
    options_.training.optimizer.loss_scaler.initial = std::ldexp(1.0, 100);
    options_.training.optimizer.loss_scaler.minimum = std::ldexp(1.0, 99);

    std::string const log = log_of([&] { trainer().run(never); });

    if (ranks_.rank() == 0) {
        std::size_t const first = log.find("the loss scale is at its minimum");
        ASSERT_NE(first, std::string::npos) << log;
        EXPECT_EQ(log.find("the loss scale is at its minimum", first + 1), std::string::npos);
    }
}

}  // namespace
}  // namespace ctclip
