#include "train/validator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dist/self_communicator.hpp"
#include "support/damaged_shard.hpp"
#include "support/temp_dir.hpp"
#include "support/tiny_dataset.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class ValidatorTest : public testing::Test {
  protected:
    ValidatorTest() : options_(tiny_train_options(dir_.path())) {
        set_log_level(LogLevel::kError);
        write_tiny_vocabulary(dir_ / "vocab.txt");
        write_tiny_shard(dir_ / "shards", 8);
        write_tiny_shard(dir_ / "valid", 8);
        damage_member(dir_ / "valid" / shard_name(0), sample_key(0, 5), "bin");
        options_.data.shards_val = (dir_ / "valid").string();
        options_.data.bad_samples = BadSamplePolicy::kReplace;
        options_.validation.eval_samples.reset();
    }

    /// @param num_batches  allowed
    std::optional<ValidationResult> validate(int num_batches = 100) {
        SelfCommunicator self;
        RunInputs const inputs = open_run_inputs(options_, 1);
        ParameterSet parameters(inputs.model, at::kCPU, at::kFloat);
        parameters.initialise(1);
        ClipModel const model(inputs.model, parameters, PrecisionPolicy(ComputeType::kFloat));
        return Validator(model, inputs, options_, self, at::kCPU).run([&] { return num_batches-- > 0; });
    }

    TempDir dir_;
    TrainOptions options_;
};

TEST_F(ValidatorTest, ABadStudyIsNamedEvenWhereTrainingReplacesIt) {
    EXPECT_THAT([&] { validate(); },
                ThrowsMessage<Error>(AllOf(HasSubstr(sample_key(0, 5)), HasSubstr("data.bad_samples"))));
}

TEST_F(ValidatorTest, ReadsNoStudyBeyondItsLimit) {
    options_.validation.eval_samples = 5;  // the bad one is the sixth
    options_.validation.metrics = {"auroc"};
    EXPECT_TRUE(validate().value().metrics.contains("auroc"));
}

TEST_F(ValidatorTest, CutShortItHasNoResult) {
    options_.validation.eval_samples = 5;
    options_.data.batch_size = 1;
    for (int const num_batches : {0, 1, 5}) {  // asked six times: it does not know the last batch before
        EXPECT_FALSE(validate(num_batches)) << num_batches;
    }
    EXPECT_TRUE(validate(6));
}

}  // namespace
}  // namespace ctclip
