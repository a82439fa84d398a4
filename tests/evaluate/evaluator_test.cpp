// Evaluations of a small model on one rank and on several: their scores must not depend on the number of ranks or on
// interruptions, and are of every study.
#include "evaluate/evaluator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/stop_signal.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "dist/gather_bytes.hpp"
#include "dist/pulse.hpp"
#include "dist/self_communicator.hpp"
#include "evaluate/partial_scores.hpp"
#include "evaluate/zero_shot.hpp"
#include "loader/shard_list.hpp"
#include "loader/shard_source.hpp"
#include "mpi/mpi_communicator.hpp"
#include "report/evaluation_output.hpp"
#include "support/damaged_shard.hpp"
#include "support/temp_dir.hpp"
#include "support/tiny_dataset.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::int64_t kNumStudies = 10;
constexpr std::int64_t kVocabularySize = 12;

bool never() {
    return false;
}

/// Counts what is read.
class CountingSource final : public SampleSource {
  public:
    explicit CountingSource(std::filesystem::path const& shards) : source_(resolve_shards(shards.string())) {}

    std::int64_t size() const override { return source_.size(); }
    SourceSample read(std::int64_t index, HostBuffer& voxels) const override {
        ++num_reads_;
        return source_.read(index, voxels);
    }
    bool has_labels(std::int64_t index) const override { return source_.has_labels(index); }
    std::string describe(std::int64_t index) const override { return source_.describe(index); }
    std::string study_id(std::int64_t index) const override { return source_.study_id(index); }
    std::vector<SampleGroup> groups() const override { return source_.groups(); }
    std::uint64_t largest_volume_bytes() const override { return source_.largest_volume_bytes(); }
    std::string const& digest() const override { return source_.digest(); }

    std::int64_t num_reads() const { return num_reads_; }

  private:
    ShardSource source_;
    mutable std::atomic<std::int64_t> num_reads_ = 0;
};

class EvaluatorTest : public testing::Test {
  protected:
    EvaluatorTest() : folder_(broadcast_text(dir_.path().string(), 0, ranks_)), train_(tiny_train_options(folder_)) {
        set_log_level(LogLevel::kError);
        train_.data.bad_samples = BadSamplePolicy::kReplace;  // of no account here
        options_.dataset.shards = (folder_ / "shards").string();
        options_.checkpoint = folder_ / "model.h5";
        options_.output = folder_ / "evaluation";
        options_.bootstrap = 20;
        options_.batch_size = 1;  // one row at a time: equal bits on any number of ranks
        options_.latents = true;
        if (ranks_.rank() == 0) {
            write_tiny_shard(folder_ / "shards", kNumStudies);
            write_tiny_vocabulary(folder_ / "vocab.txt");
            write_model();
            std::filesystem::create_directory(options_.output);
        }
        ranks_.barrier();
    }
    ~EvaluatorTest() override { ranks_.barrier(); }

    void write_model() {
        Schema schema;
        train_.bind(schema);
        ParameterSet parameters(train_.model.options(kVocabularySize), at::kCPU, at::kFloat);
        parameters.initialise(1);
        TrainState state;
        state.info.config = schema.values_yaml();
        state.model = parameters.to_arrays();
        write_checkpoint(options_.checkpoint, std::move(state));
    }

    Evaluation run(EvaluateOptions const& options, Communicator& host, std::function<bool()> const& stop = never) {
        return evaluate(options, {.host = host, .device = at::kCPU, .stop_requested = stop});
    }
    /// In a world of its own, with an output of its own.
    Evaluation run_alone(EvaluateOptions options, std::function<bool()> const& stop = never) {
        SelfCommunicator self;
        options.output = dir_ / "alone";
        std::filesystem::create_directories(options.output);
        return run(options, self, stop);
    }

    std::string scores_csv(Evaluation const& evaluation) {
        write_evaluation(evaluation, dir_ / "written", "");
        return read_text_file(dir_ / "written" / "scores.csv");
    }

    TempDir dir_;
    MpiCommunicator ranks_{MPI_COMM_WORLD};
    std::filesystem::path folder_;  // rank 0's
    TrainOptions train_;
    EvaluateOptions options_;
};

void expect_same_scores(Evaluation const& a, Evaluation const& b) {
    EXPECT_EQ(a.study_ids, b.study_ids);
    EXPECT_EQ(a.probabilities, b.probabilities);
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(a.latents, b.latents);
}

TEST_F(EvaluatorTest, AnyNumberOfRanksGivesTheSameScores) {
    Evaluation const many = run(options_, ranks_);
    Evaluation const one = run_alone(options_);
    expect_same_scores(many, one);
    EXPECT_EQ(scores_csv(many), scores_csv(one));
    ASSERT_EQ(many.study_ids.size(), static_cast<std::size_t>(kNumStudies));
    EXPECT_EQ(many.study_ids[7], tiny_study_id(7));
    EXPECT_EQ(many.metrics.macro[Metric::kAuroc], one.metrics.macro[Metric::kAuroc]);
}

TEST_F(EvaluatorTest, BatchesDoNotChangeScores) {
    Evaluation const single = run_alone(options_);
    options_.batch_size = 4;  // 10 studies: the last batch is padded
    Evaluation const batched = run(options_, ranks_);
    EXPECT_EQ(single.study_ids, batched.study_ids);
    for (std::size_t i = 0; i < single.probabilities.size(); ++i) {
        EXPECT_NEAR(single.probabilities[i], batched.probabilities[i], 1e-5F) << i;
    }
}

TEST_F(EvaluatorTest, ALimitTakesTheFirstStudies) {
    Evaluation const all = run_alone(options_);
    options_.num_samples = 5;
    Evaluation const some = run(options_, ranks_);
    EXPECT_EQ(some.study_ids, std::vector<std::string>(all.study_ids.begin(), all.study_ids.begin() + 5));
    EXPECT_EQ(some.probabilities, std::vector<float>(all.probabilities.begin(), all.probabilities.begin() +
                                                                                    5 * kNumLabels));
    options_.num_samples = 1000;
    EXPECT_EQ(run(options_, ranks_).study_ids, all.study_ids) << "more than there are";
}

TEST_F(EvaluatorTest, ABadStudyIsNamedAndNotReplaced) {
    write_tiny_shard(dir_ / "bad", kNumStudies);
    damage_member(dir_ / "bad" / shard_name(0), sample_key(0, 3), "bin");
    options_.dataset.shards = (dir_ / "bad").string();
    EXPECT_THAT([&] { run_alone(options_); },
                ThrowsMessage<Error>(AllOf(HasSubstr(sample_key(0, 3)), HasSubstr("data.bad_samples"))));
    options_.num_samples = 3;
    EXPECT_EQ(run_alone(options_).study_ids.size(), 3U) << "those before it";
}

/// Asks on one rank only, at the given question.
std::function<bool()> stop_at(int question, bool is_asked) {
    return [question, is_asked, count = 0]() mutable { return ++count == question && is_asked; };
}

TEST_F(EvaluatorTest, AStopOfOneRankEndsAllAndTheSameCommandGoesOn) {
    Evaluation const whole = run_alone(options_);
    bool const is_last = ranks_.rank() == ranks_.world_size() - 1;
    std::int64_t const num_done = 2 * ranks_.world_size();
    EXPECT_THAT([&] { run(options_, ranks_, stop_at(3, is_last)); },
                ThrowsMessage<Stopped>(HasSubstr(fmt::format("after {} of 10", num_done))));
    ranks_.barrier();
    int num_questions = 0;
    Evaluation const resumed = run(options_, ranks_, [&] { return ++num_questions < 0; });
    expect_same_scores(whole, resumed);
    std::int64_t const num_left = kNumStudies - num_done;
    std::int64_t const num_batches = (num_left + ranks_.world_size() - 1) / ranks_.world_size();
    EXPECT_EQ(num_questions, num_batches + 1) << "one a batch that was left, and one at the end";
}

TEST_F(EvaluatorTest, AStopBeforeTheFirstBatchLosesNothing) {
    EXPECT_THROW(run(options_, ranks_, stop_at(1, true)), Stopped);
    ranks_.barrier();
    expect_same_scores(run_alone(options_), run(options_, ranks_));
}

TEST_F(EvaluatorTest, ScoresOfOtherInputsAreNotGoneOnWith) {
    EXPECT_THROW(run(options_, ranks_, stop_at(2, true)), Stopped);
    ranks_.barrier();
    options_.prompts = "is_present";
    expect_same_scores(run_alone(options_), run(options_, ranks_));
}

TEST_F(EvaluatorTest, AFolderWithoutCheckpointIsNamed) {
    options_.checkpoint = dir_ / "nowhere";
    std::filesystem::create_directory(options_.checkpoint);
    EXPECT_THAT([&] { run_alone(options_); }, ThrowsMessage<Error>(HasSubstr("holds no checkpoint")));
}

class ZeroShotTest : public EvaluatorTest {
  protected:
    ZeroShotTest() : tokenizer_(Vocabulary::load(folder_ / "vocab.txt")) { parameters_.initialise(1); }

    ZeroShotScores score(std::shared_ptr<SampleSource const> const& source, LoaderOptions const& loader_options) {
        DeviceLoader loader(source, loader_options, nullptr, SamplerState{}, at::kCPU);
        return classifier().score(loader, KeepLatents::kNo, [] { return true; });
    }
    ZeroShotClassifier classifier() const {
        return {model_, tokenizer_, prompts_, train_.model.max_length, at::kCPU};
    }

    WordPieceTokenizer tokenizer_;
    ModelOptions sizes_ = train_.model.options(kVocabularySize);
    PrecisionPolicy policy_{ComputeType::kFloat};
    ParameterSet parameters_{sizes_, at::kCPU, at::kFloat};
    ClipModel model_{sizes_, parameters_, policy_};
    std::vector<PromptPair> prompts_ = make_prompts("there_is", {"lung nodule", "nodule"});
};

TEST_F(ZeroShotTest, AProbabilityIsTheSoftmaxOverThePairOfSentences) {
    at::Tensor const images = at::randn({3, sizes_.dim_latent});
    at::Tensor const probabilities = classifier().probabilities(images);
    auto const encode = [&](std::string const& sentence) {  // alone, so without padding
        std::vector<std::int32_t> const ids = tokenizer_.encode(sentence, 16).ids;
        at::Tensor const row = at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end())).view({1, -1});
        return model_.encode_text({row, at::ones_like(row)})[0];
    };
    for (std::int64_t c = 0; c < 2; ++c) {
        PromptPair const& pair = prompts_[static_cast<std::size_t>(c)];
        at::Tensor const difference = at::matmul(images, encode(pair.positive) - encode(pair.negative));
        at::Tensor const expected = at::sigmoid(difference * model_.temperature().exp());
        EXPECT_TRUE(at::allclose(probabilities.select(1, c), expected, 1e-5, 1e-6)) << probabilities << expected;
    }
}

TEST_F(ZeroShotTest, ALimitReadsNoStudyBeyondIt) {
    auto const source = std::make_shared<CountingSource const>(folder_ / "shards");
    LoaderOptions loader_options = scoring_loader_options(train_.data, 5, ranks_);
    loader_options.data.batch_size = 1;
    loader_options.data.num_workers = 2;
    ZeroShotScores const scores = gather_scores(score(source, loader_options), ranks_);
    std::int64_t num_reads = source->num_reads();
    ranks_.all_reduce(&num_reads, 1, Element::kI64, Reduction::kSum);
    EXPECT_EQ(num_reads, 5);
    EXPECT_THAT(scores.dataset_indices, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(ZeroShotTest, EveryBatchIsASignOfLife) {
    auto const source = std::make_shared<CountingSource const>(folder_ / "shards");
    SelfCommunicator self;
    LoaderOptions loader_options = scoring_loader_options(train_.data, std::nullopt, self);
    loader_options.data.batch_size = 1;
    std::vector<std::uint64_t> beats;
    DeviceLoader loader(source, loader_options, nullptr, SamplerState{}, at::kCPU);
    classifier().score(loader, KeepLatents::kNo, [&] {
        beats.push_back(Pulse::of_process().read().num_beats);
        EXPECT_EQ(Pulse::of_process().read().activity, Activity::kValidation);
        return true;
    });
    ASSERT_EQ(beats.size(), static_cast<std::size_t>(kNumStudies + 1));
    for (std::size_t i = 1; i < beats.size(); ++i) {
        EXPECT_GT(beats[i], beats[i - 1]) << i;
    }
}

}  // namespace
}  // namespace ctclip
