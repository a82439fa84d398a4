// Whole runs on one rank and on several: what a run leaves must not depend on interruptions or on the number
// of ranks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "base/stop_signal.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "convert/made_dataset.hpp"
#include "dist/self_communicator.hpp"
#include "evaluate/evaluator.hpp"
#include "train/run_fixture.hpp"
#include "train/run_size.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class TrainerTest : public RunFixture {
  protected:
    void run(TrainOptions const& options, Communicator& ranks,
             std::function<bool()> const& stop = never) const {
        Trainer(options, config_, world(ranks)).run(stop);
    }
    void run(TrainOptions const& options, std::function<bool()> const& stop = never) {
        run(options, ranks_, stop);
    }
    /// Validates on the training shards, learns fast enough to change the scores, and keeps every checkpoint; saves
    /// because of validations and the end alone.
    void validate_every(std::int64_t num_steps) {
        options_.data.shards_val = (folder_ / "shards").string();
        options_.validation.eval_every_n_steps = num_steps;
        options_.training.save_every_n_steps = std::nullopt;
        options_.training.optimizer.lr_schedule.base_lr = 3e-2;
        options_.checkpoint.keep_last_n = 10;
    }
    RunSize size_of(TrainOptions const& options) {
        RunInputs const inputs = open_run_inputs(options, ranks_.world_size());
        return size_of_run(options, inputs, ParameterSet(inputs.model, at::kMeta, at::kFloat), world(ranks_));
    }
};

/// Asks for a stop once `num_steps` steps are done: a run without validations asks once after each.
std::function<bool()> stop_after(int num_steps) {
    return [num_steps, asked = 0]() mutable { return ++asked == num_steps; };
}

/// How often a validation asks: before each of its 4 batches of 4 studies, and before it learns that there is no other.
constexpr int kAsksOfAValidation = 5;

std::string values_yaml(TrainOptions options) {
    Schema schema;
    options.bind(schema);
    return schema.values_yaml();
}

/// Lines of metrics.jsonl without times and memory.
std::vector<nlohmann::json> figures_in(TrainOptions const& options) {
    std::vector<nlohmann::json> records;
    std::ifstream file(options.run.dir / "metrics.jsonl");
    std::set<std::string> const figures = {"step", "epoch", "loss", "grad_norm"};
    for (std::string line; std::getline(file, line);) {
        auto const whole = nlohmann::json::parse(line);
        nlohmann::json& record = records.emplace_back();
        for (auto const& [name, value] : whole.items()) {
            if (name.starts_with("val_") || figures.contains(name)) {
                record[name] = value;
            }
        }
    }
    return records;
}

double largest_difference(Array const& a, Array const& b) {
    double largest = 0.0;
    for (std::size_t i = 0; i < a.as<float>().size(); ++i) {
        largest = std::max(largest, std::fabs(static_cast<double>(a.as<float>()[i]) - b.as<float>()[i]));
    }
    return largest;
}

void expect_same_bits(NamedArrays const& a, NamedArrays const& b) {
    ASSERT_EQ(a.size(), b.size());
    for (auto const& [name, array] : a) {
        EXPECT_EQ(array.bytes, b.at(name).bytes) << name;
    }
}

double relative_difference(Array const& a, Array const& b) {
    double squares = 0.0;
    double difference = 0.0;
    for (std::size_t i = 0; i < a.as<float>().size(); ++i) {
        squares += std::pow(a.as<float>()[i], 2);
        difference += std::pow(a.as<float>()[i] - b.as<float>()[i], 2);
    }
    return std::sqrt(difference) / std::max(std::sqrt(squares), 1e-12);
}

TEST_F(TrainerTest, AnInterruptedRunEndsInTheSameBits) {
    options_.training.precision = ComputeType::kHalf;
    options_.model.model.text.dropout = 0.1;
    options_.data.shuffle = true;
    TrainOptions interrupted = options_;
    interrupted.run.dir = folder_ / "interrupted";
    int asked = 0;

    run(options_);
    EXPECT_THROW(run(interrupted, [&] { return ++asked == 3; }), Stopped);
    run(interrupted);

    TrainState const whole = checkpoint(options_, 6);
    TrainState const resumed = checkpoint(interrupted, 6);
    expect_same_bits(whole.model, resumed.model);
    expect_same_bits(whole.exp_avg, resumed.exp_avg);
    expect_same_bits(whole.exp_avg_sq, resumed.exp_avg_sq);
    EXPECT_EQ(whole.scaler, resumed.scaler);
    EXPECT_EQ(whole.schedule, resumed.schedule);
    EXPECT_EQ(whole.sampler, resumed.sampler);
}

TEST_F(TrainerTest, VolumesThatAreUploadedAsStoredTrainToTheSameBits) {
    TrainOptions uploaded = options_;
    uploaded.run.dir = folder_ / "uploaded";
    uploaded.data.preprocess_on = PreprocessPlace::kDevice;

    run(options_);
    run(uploaded);

    expect_same_bits(checkpoint(options_, 6).model, checkpoint(uploaded, 6).model);
}

// CTCLIP_RESUME_CUTS=200 for the long run.
TEST_F(TrainerTest, AnyNumberOfInterruptionsAnywhereEndsInTheSameBits) {
    char const* const text = std::getenv("CTCLIP_RESUME_CUTS");
    int const num_cuts = text == nullptr ? 6 : std::atoi(text);
    options_.training.precision = ComputeType::kHalf;
    options_.training.max_steps = 24;
    options_.training.save_every_n_steps = 5;
    options_.model.model.text.dropout = 0.1;
    options_.data.shuffle = true;
    run(options_);
    TrainState const whole = checkpoint(options_, 24);
    int cuts_done = 0;
    for (std::uint64_t trial = 0; cuts_done < num_cuts; ++trial) {
        TrainOptions interrupted = options_;
        interrupted.run.dir = folder_ / ("trial" + std::to_string(trial));
        for (bool is_cut = true; is_cut;) {
            is_cut = false;
            try {
                run(interrupted,
                    stop_after(static_cast<int>(1 + splitmix64(trial, static_cast<std::uint64_t>(cuts_done)) % 12)));
            } catch (Stopped const&) {
                is_cut = true;
                ++cuts_done;
            }
        }
        TrainState const resumed = checkpoint(interrupted, 24);
        expect_same_bits(whole.model, resumed.model);
        expect_same_bits(whole.exp_avg, resumed.exp_avg);
        expect_same_bits(whole.exp_avg_sq, resumed.exp_avg_sq);
        EXPECT_EQ(whole.scaler, resumed.scaler) << trial;
        EXPECT_EQ(whole.sampler, resumed.sampler) << trial;
        ranks_.barrier();
    }
    RecordProperty("cuts", cuts_done);
}

TEST_F(TrainerTest, AnInterruptionAmongSkippedStepsEndsInTheSameBits) {
    options_.training.precision = ComputeType::kHalf;
    options_.training.max_steps = 12;
    options_.training.optimizer.loss_scaler.initial = std::ldexp(1.0, 22);
    options_.training.optimizer.loss_scaler.growth_interval = 1;  // grows into the next overflow at once
    run(options_);
    TrainState const whole = checkpoint(options_, 12);
    for (int const cut : {3, 4, 5}) {
        TrainOptions interrupted = options_;
        interrupted.run.dir = folder_ / ("cut" + std::to_string(cut));
        EXPECT_THROW(run(interrupted, stop_after(cut)), Stopped);
        std::int64_t const skipped_before = checkpoint(interrupted, cut).scaler.integer("num_skipped_steps");
        run(interrupted);
        TrainState const resumed = checkpoint(interrupted, 12);
        EXPECT_GT(skipped_before, 0) << cut;
        EXPECT_GT(resumed.scaler.integer("num_skipped_steps"), skipped_before) << cut;
        expect_same_bits(whole.model, resumed.model);
        expect_same_bits(whole.exp_avg_sq, resumed.exp_avg_sq);
        EXPECT_EQ(whole.scaler, resumed.scaler) << cut;
    }
}

TEST_F(TrainerTest, ResumesAtAnotherWorldSizeWithTheSameSamplesAndWeights) {
    options_.data.shuffle = true;
    options_.training.optimizer.lr_schedule.base_lr = 1e-5;
    options_.model.model.text.dropout = 0.1;
    for (std::int64_t const accumulation : {1, 2}) {
        options_.training.gradient_accumulation_steps = accumulation;
        options_.run.dir = folder_ / fmt::format("whole{}", accumulation);
        TrainOptions changing = options_;
        changing.run.dir = folder_ / fmt::format("changing{}", accumulation);
        std::string const config = "data: {{batch_size: {}}}\ntraining: {{gradient_accumulation_steps: {}}}\n";
        config_ = fmt::format(fmt::runtime(config), options_.data.batch_size, accumulation);
        run(options_);
        EXPECT_THROW(run(changing, stop_after(3)), Stopped);
        checkpoint(changing, 3);  // written, before one rank goes on alone
        if (ranks_.rank() == 0) {
            SelfCommunicator self;
            changing.data.batch_size = 4;
            config_ = fmt::format(fmt::runtime(config), 4, accumulation);
            run(changing, self);
        }
        TrainState const whole = checkpoint(options_, 6);
        TrainState const changed = checkpoint(changing, 6);
        EXPECT_EQ(whole.sampler, changed.sampler) << accumulation;
        for (auto const& [name, array] : whole.model) {
            if (array.type == DType::kF32) {
                EXPECT_LE(largest_difference(array, changed.model.at(name)), 1e-6) << name << accumulation;
            }
        }
    }
}

TEST_F(TrainerTest, RefusesToResumeWithOtherMathematicsUnlessToldTo) {
    config_ = "training: {eps: 1e-8}";
    EXPECT_THROW(run(options_, stop_after(2)), Stopped);
    ranks_.barrier();
    config_ = "training: {eps: 1e-6}";
    EXPECT_THAT([&] { run(options_); },
                ThrowsMessage<Error>(AllOf(HasSubstr("training.eps: 1e-8 then, 1e-6 now"), HasSubstr("--not-exact"))));
    options_.not_exact = true;
    run(options_);
    EXPECT_EQ(checkpoint(options_, 6).info.step, 6);
}

TEST_F(TrainerTest, StartsFromABertThatFillsTheTextEncoder) {
    options_.training.max_steps = 1;  // the first step of a warm-up has the learning rate 0
    run(options_);
    NamedArrays const made = checkpoint(options_, 1).model;
    NamedArrays bert;
    for (auto const& [name, array] : made) {
        constexpr std::string_view kPrefix = "text_transformer.";
        if (name.starts_with(kPrefix) && array.type == DType::kF32) {
            Array value = array;
            std::ranges::reverse(value.bytes);  // other values, as many
            for (std::size_t i = 3; i < value.bytes.size(); i += 4) {
                value.bytes[i] = std::byte{0x3d};  // finite and small
            }
            bert.emplace("bert." + name.substr(kPrefix.size()), std::move(value));
        }
    }
    options_.model.init_from = folder_ / "bert.safetensors";
    options_.run.dir = folder_ / "from_bert";
    if (ranks_.rank() == 0) {
        write_safetensors(options_.model.init_from, bert, {}, IfExists::kRefuse);
    }
    ranks_.barrier();
    run(options_);
    TrainState const state = checkpoint(options_, 1);
    for (auto const& [name, array] : bert) {
        EXPECT_EQ(state.model.at("text_transformer." + name.substr(5)).bytes, array.bytes) << name;
    }
    EXPECT_EQ(state.model.at("to_text_latent.weight").bytes, made.at("to_text_latent.weight").bytes);

    bert.emplace("surprise.weight", Array{DType::kF32, {1}, std::vector<std::byte>(4)});
    options_.run.dir = folder_ / "surprised";
    ranks_.barrier();
    if (ranks_.rank() == 0) {
        write_safetensors(options_.model.init_from, bert, {}, IfExists::kReplace);
    }
    ranks_.barrier();
    EXPECT_THAT([&] { run(options_); }, ThrowsMessage<Error>(HasSubstr("surprise.weight")));
}

TEST_F(TrainerTest, RanksTimesBatchTrainsAsOneRankWithAllOfIt) {
    options_.model.model.text.dropout = 0.1;
    TrainOptions single = options_;
    single.data.batch_size = 4;
    single.run.dir = folder_ / ("single" + std::to_string(ranks_.rank()));
    SelfCommunicator self;

    run(options_);
    run(single, self);

    TrainState const many = checkpoint(options_, 6);
    TrainState const one = checkpoint(single, 6);
    EXPECT_EQ(many.sampler, one.sampler);
    for (auto const& [name, array] : one.model) {
        if (array.type != DType::kF32 || name.ends_with("key.bias") || name.ends_with("net.2.bias")) {
            continue;  // gradients that are zero by symmetry: AdamW divides their rounding noise by itself
        }
        EXPECT_LT(relative_difference(array, many.model.at(name)), 2e-3) << name;
    }
}

TEST_F(TrainerTest, AStepThatOverflowsChangesNothingButTheScale) {
    options_.training.precision = ComputeType::kHalf;
    options_.training.max_steps = 1;
    options_.training.optimizer.loss_scaler.initial = std::ldexp(1.0, 60);
    TrainOptions untouched = options_;
    untouched.run.dir = folder_ / "untouched";
    untouched.training.optimizer.lr_schedule.base_lr = 1e-2;

    run(options_);
    TrainState const after = checkpoint(options_, 1);
    EXPECT_EQ(after.scaler.real("scale"), std::ldexp(1.0, 59));
    EXPECT_EQ(after.scaler.integer("num_skipped_steps"), 1);
    EXPECT_EQ(after.schedule.integer("num_taken_steps"), 0);

    Trainer const fresh(untouched, "", world(ranks_));
    ParameterSet initial(untouched.model.options(12), at::kCPU, at::kFloat);
    initial.initialise(derive_seed(static_cast<std::uint64_t>(untouched.experiment.seed), "weights"));
    expect_same_bits(initial.to_arrays(), after.model);
    for (auto const& [name, moment] : after.exp_avg) {
        EXPECT_THAT(moment.as<float>(), testing::Each(0.0F)) << name;
    }
}

TEST_F(TrainerTest, StopsWithAdviceWhenEveryStepOverflows) {
    options_.training.precision = ComputeType::kHalf;
    options_.training.max_steps = 30;
    options_.training.optimizer.loss_scaler.initial = std::ldexp(1.0, 120);
    options_.training.optimizer.loss_scaler.max_consecutive_skips = 4;
    EXPECT_THAT([&] { run(options_); },
                ThrowsMessage<Error>(AllOf(HasSubstr("4 steps in a row were skipped"), HasSubstr("bf16"))));
}

// The loader has two batches here: a third that is held at once is refused.
TEST_F(TrainerTest, AccumulatesMoreMicroBatchesThanTheLoaderHolds) {
    options_.training.gradient_accumulation_steps = 4;
    options_.training.max_steps = 2;
    options_.data.prefetch_factor = 1;
    double const loading_bytes = size_of(options_).loading_bytes;
    run(options_);
    TrainState const state = checkpoint(options_, 2);
    EXPECT_EQ(state.sampler.integer("epoch") * 16 + state.sampler.integer("position"), 32);

    options_.training.gradient_accumulation_steps = 1;
    EXPECT_EQ(size_of(options_).loading_bytes, loading_bytes);
}

// Asked at one rank only: all leave at the same batch. The next start makes up for what is missing, whoever asks
// meanwhile: starts shorter than a validation would never get past it.
TEST_F(TrainerTest, AStopInAValidationEndsInTheSameBits) {
    validate_every(2);
    run(options_);
    ranks_.barrier();
    // Validations ask as number 2 .. 6 after step 2, 9 .. 13 after step 4, 16 .. 20 after step 6.
    for (int const asked : {2, 4, 6, 11, 19}) {
        TrainOptions interrupted = options_;
        interrupted.run.dir = folder_ / fmt::format("asked{}", asked);
        std::int64_t const step = asked < 8 ? 2 : asked < 15 ? 4 : 6;
        bool const is_last_rank = ranks_.rank() == ranks_.world_size() - 1;
        std::string const place = fmt::format("in the validation after step {}", step);
        EXPECT_THAT([&] { run(interrupted, is_last_rank ? stop_after(asked) : never); },
                    ThrowsMessage<Stopped>(HasSubstr(place)));
        EXPECT_FALSE(checkpoint(interrupted, step).metrics.scalars.contains("auroc"));
        ranks_.barrier();
        auto const stop_at_once = [&] { run(interrupted, is_last_rank ? stop_after(1) : never); };
        if (step < 6) {
            EXPECT_THAT(stop_at_once, ThrowsMessage<Stopped>(HasSubstr(fmt::format("stopped after step {}", step))));
        } else {
            stop_at_once();  // there is nothing to stop behind the last validation
        }
        EXPECT_TRUE(checkpoint(interrupted, step).metrics.scalars.contains("auroc"));
        ranks_.barrier();
        run(interrupted);
        ranks_.barrier();
        for (CheckpointEntry const& entry : list_checkpoints(options_.run.dir / "checkpoints")) {
            TrainState const whole = checkpoint(options_, entry.step);
            TrainState const resumed = checkpoint(interrupted, entry.step);
            expect_same_bits(whole.model, resumed.model);
            EXPECT_EQ(whole.metrics, resumed.metrics) << asked << " step " << entry.step;
        }
        EXPECT_EQ(figures_in(options_), figures_in(interrupted)) << asked;
        ranks_.barrier();
    }
}

TEST_F(TrainerTest, GoesOnAfterAFailedSaveAndStopsAfterThreeInARow) {
    if (ranks_.rank() != 0) {
        return;  // a failure of one rank ends the job: jobs/job_frame.cpp
    }
    SelfCommunicator self;
    std::filesystem::path const checkpoints = options_.run.dir / "checkpoints";
    std::filesystem::path const aside = folder_ / "aside";
    options_.training.save_every_n_steps = 1;
    options_.training.max_steps = 12;
    auto const out_of_reach = [&](int from, int until) {  // for the saves of these steps
        return [&, from, until, step = 0]() mutable {
            ++step;
            if (step == from) {
                std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the save under way ends
                std::filesystem::rename(checkpoints, aside);
                std::ofstream(checkpoints) << "not a folder";
            } else if (step == until) {
                std::this_thread::sleep_for(std::chrono::milliseconds(300));
                std::filesystem::remove(checkpoints);
                std::filesystem::rename(aside, checkpoints);
            }
            return false;
        };
    };
    run(options_, self, out_of_reach(4, 5));
    EXPECT_EQ(read_checkpoint(checkpoints / checkpoint_name(12)).info.step, 12);

    std::filesystem::remove_all(options_.run.dir);
    EXPECT_THAT([&] { run(options_, self, out_of_reach(4, 100)); },
                ThrowsMessage<Error>(HasSubstr("3 checkpoints in a row could not be saved")));
    EXPECT_EQ(load_newest_valid(aside)->state.info.step, 4);
}

TEST_F(TrainerTest, FromScratchRefusesARunFolderWithContent) {
    run(options_);
    options_.from_scratch = true;
    if (ranks_.rank() == 0) {
        SelfCommunicator self;
        EXPECT_THAT([&] { run(options_, self); }, ThrowsMessage<Error>(HasSubstr("is not empty")));
    }
}

TEST_F(TrainerTest, RefusesAnInputThatThePatchesDoNotDivide) {
    options_.data.target_shape = {5, 8, 8};
    EXPECT_THAT([&] { run(options_); }, ThrowsMessage<Error>(HasSubstr("temporal_patch_size")));
}

TEST_F(TrainerTest, RefusesAValidationSetWithoutLabelsBeforeTraining) {
    std::filesystem::path const unlabelled = folder_ / "unlabelled.tar";
    if (ranks_.rank() == 0) {
        std::string const command = fmt::format(
            "mkdir {0}/members && cd {0}/members && tar -xf {1}/loader/build_script_variant.tar && "
            "tar -cf {2} train_42_a_1.*",
            folder_.string(), CTCLIP_TEST_DATA, unlabelled.string());
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
    ranks_.barrier();
    options_.data.shards_val = unlabelled.string();
    EXPECT_THAT([&] { run(options_); }, ThrowsMessage<Error>(HasSubstr("first 1 samples has labels")));
}

TEST_F(TrainerTest, ValidatesAndKeepsTheResultWithTheCheckpoint) {
    options_.data.shards_val = (folder_ / "shards").string();
    options_.training.max_steps = 2;
    config_ = values_yaml(options_);
    run(options_);
    StateGroup const metrics = checkpoint(options_, 2).metrics;
    EvaluateOptions evaluation;
    evaluation.dataset.shards = options_.data.shards_val;
    evaluation.checkpoint = options_.run.dir;
    evaluation.output = folder_ / "evaluation";
    std::filesystem::create_directories(evaluation.output);
    evaluation.bootstrap = 0;
    EvaluationMetrics const expected = evaluate(evaluation, {ranks_, at::kCPU, never}).metrics;
    ASSERT_LT(expected.macro[Metric::kAuroc], 1.0);
    EXPECT_NEAR(metrics.real("auroc"), expected.macro[Metric::kAuroc], 1e-12);
    EXPECT_NEAR(metrics.real("weighted_auprc"), expected.weighted[Metric::kAuprc], 1e-12);
}

TEST_F(TrainerTest, KeepsTheBestModelWhereverItsStepFalls) {
    validate_every(1);
    for (std::string const mode : {"max", "min"}) {
        options_.checkpoint.best_metric_mode = mode;
        options_.run.dir = folder_ / mode;
        EXPECT_THROW(run(options_, stop_after(2 * (kAsksOfAValidation + 1))), Stopped);
        ranks_.barrier();
        run(options_);
        ranks_.barrier();
        std::set<std::int64_t> expected = {2, 6};  // the stop and the end
        std::optional<double> best;
        std::ifstream metrics(options_.run.dir / "metrics.jsonl");
        for (std::string line; std::getline(metrics, line);) {
            auto const record = nlohmann::json::parse(line);
            double const auroc = record.value("val_auroc", std::nan(""));
            if (mode == "max" ? auroc > best.value_or(-1.0) : auroc < best.value_or(2.0)) {
                best = auroc;
                expected.insert(record["step"].get<std::int64_t>());
            }
        }
        std::set<std::int64_t> saved;
        for (CheckpointEntry const& entry : list_checkpoints(options_.run.dir / "checkpoints")) {
            saved.insert(entry.step);
        }
        EXPECT_EQ(saved, expected) << mode;
        EXPECT_EQ(checkpoint(options_, 6).metrics.real("best_auroc"), best) << mode;
    }
}

/// Flips a bit of a volume in the shard.
void damage_sample(std::filesystem::path const& shard, std::size_t index) {
    std::string bytes = read_text_file(shard);
    std::size_t const header = bytes.find(sample_key(0, index) + ".bin");
    ASSERT_NE(header, std::string::npos);
    bytes[header + 512 + 9] ^= 1;
    std::ofstream(shard, std::ios::binary) << bytes;
}

// Whoever counts bad samples by rank, or anew in every life, lets more of them pass.
TEST_F(TrainerTest, BadSamplesCountTogetherOverRanksAndLives) {
    if (ranks_.rank() == 0) {
        for (std::size_t const index : {1U, 2U, 5U}) {
            damage_sample(folder_ / "shards" / shard_name(0), index);
        }
    }
    ranks_.barrier();
    options_.data.bad_samples = BadSamplePolicy::kReplace;
    options_.data.max_bad_samples = 2;
    options_.data.shuffle = false;
    EXPECT_THROW(run(options_, stop_after(1)), Stopped);
    StateGroup const sampler = checkpoint(options_, 1).sampler;
    EXPECT_THAT(sampler.arrays.at("bad_samples").as<std::int64_t>(), testing::ElementsAre(1, 2));
    EXPECT_THAT([&] { run(options_); }, ThrowsMessage<Error>(HasSubstr("3 different samples of this run are bad")));

    options_.data.max_bad_samples = 1;  // samples 1 and 2 are of different ranks
    options_.run.dir = folder_ / "other";
    EXPECT_THAT([&] { run(options_); }, ThrowsMessage<Error>(HasSubstr("different samples of this run are bad")));
}

TEST_F(TrainerTest, ADryRunFindsWhatARunWouldFindAndWritesNothing) {
    if (ranks_.rank() != 0) {
        return;
    }
    SelfCommunicator self;
    options_.data.batch_size = 4;
    config_ = "training: {eps: 1e-8}";
    auto const dry_run = [&] { Trainer(options_, config_, {self, self, at::kCPU, "test", 1}).dry_run(); };
    dry_run();
    EXPECT_FALSE(std::filesystem::exists(options_.run.dir));

    EXPECT_THROW(run(options_, self, stop_after(2)), Stopped);
    auto const files = [&] {
        std::map<std::filesystem::path, std::filesystem::file_time_type> times;
        for (auto const& entry : std::filesystem::recursive_directory_iterator(options_.run.dir)) {
            times[entry.path()] = entry.last_write_time();
        }
        return times;
    };
    auto const before = files();
    set_log_level(LogLevel::kInfo);
    testing::internal::CaptureStderr();
    dry_run();
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                AllOf(HasSubstr("would go on at step 2 of 6"), HasSubstr("memory for loading: at most"),
                      HasSubstr("at most 5 of them")));
    set_log_level(LogLevel::kError);

    config_ = "training: {eps: 1e-6}";
    EXPECT_THAT(dry_run, ThrowsMessage<Error>(HasSubstr("training.eps: 1e-8 then, 1e-6 now")));
    config_ = "training: {eps: 1e-8}";
    std::filesystem::remove_all(folder_ / "shards");
    write_tiny_shard(folder_ / "shards", 15);
    EXPECT_THAT(dry_run, ThrowsMessage<Error>(HasSubstr("on another dataset")));
    EXPECT_EQ(files(), before);

    std::filesystem::remove_all(options_.run.dir);
    std::ofstream(options_.run.dir) << "no folder";
    EXPECT_THAT(dry_run, ThrowsMessage<Error>(HasSubstr("is not a folder")));
}

TEST_F(TrainerTest, TheStateOfTheDataTakesLessThan200BytesAndNamesItsOrder) {
    options_.training.max_steps = 1;
    run(options_);
    StateGroup const sampler = checkpoint(options_, 1).sampler;
    std::size_t num_bytes = 0;
    for (auto const& [name, value] : sampler.scalars) {
        std::string const* const text = std::get_if<std::string>(&value);
        num_bytes += name.size() + (text == nullptr ? sizeof(std::int64_t) : text->size());
    }
    EXPECT_LT(num_bytes, 200U);
    EXPECT_TRUE(sampler.arrays.empty());
    EXPECT_EQ(sampler.text("order"), "global, swap-or-not");
}

TEST_F(TrainerTest, TrainsOnVolumesAsOnTheShardsMadeOfThem) {
    if (ranks_.rank() != 0) {
        return;
    }
    SelfCommunicator self;
    MadeDataset dataset(8);
    dataset.run();
    ConvertOptions const& converted = dataset.options;
    options_.data.shuffle = false;
    options_.data.batch_size = 4;
    options_.data.shards_train = converted.output.string();
    options_.data.shards_val = converted.output.string();
    TrainOptions direct = options_;
    direct.run.dir = folder_ / "direct";
    direct.data.shards_train.clear();
    direct.data.shards_val.clear();
    direct.data.volumes_train = {converted.volumes, converted.reports, converted.metadata, converted.labels};
    direct.data.volumes_val = direct.data.volumes_train;
    run(options_, self);
    run(direct, self);
    auto const last = [](TrainOptions const& options) {
        return read_checkpoint(options.run.dir / "checkpoints" / checkpoint_name(6));
    };
    expect_same_bits(last(options_).model, last(direct).model);
    EXPECT_EQ(last(options_).metrics, last(direct).metrics);
}

TEST_F(TrainerTest, DoesNotGoOnInAnOrderThatIsNoMore) {
    EXPECT_THROW(run(options_, stop_after(2)), Stopped);
    TrainState state = checkpoint(options_, 2);
    ranks_.barrier();
    if (ranks_.rank() == 0) {
        state.sampler.scalars.erase("order");  // as before the order was a keyed permutation
        write_checkpoint(options_.run.dir / "checkpoints" / checkpoint_name(2), std::move(state), IfExists::kReplace);
    }
    ranks_.barrier();
    EXPECT_THAT([&] { run(options_); },
                ThrowsMessage<Error>(AllOf(HasSubstr("in the order 'of ctclip before 27 November 2026'"),
                                           HasSubstr("model.init_from"))));
}

}  // namespace
}  // namespace ctclip
