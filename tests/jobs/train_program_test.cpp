// ctclip-train as a user starts it, as far as it needs no data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

ProcessResult train(std::vector<std::string> words) {
    words.insert(words.begin(), CTCLIP_BIN "/ctclip-train");
    return run_process(std::move(words));
}

TEST(TrainProgram, PrintsThePrecisionOfEveryOperationFromItsPolicy) {
    ProcessResult const half = train({"--dump-precision", "--set", "training.mixed_precision=fp16"});
    EXPECT_EQ(half.exit_code, 0) << half.err;
    // The founding document's table.
    EXPECT_THAT(half.out,
                AllOf(ContainsRegex("\nLinear +Half"), ContainsRegex("\nConvolution +Half"),
                      ContainsRegex("\nActivation +Half"), ContainsRegex("\nNorm +Float"),
                      ContainsRegex("\nSoftmax +Float"), ContainsRegex("\nLoss +Float"),
                      ContainsRegex("\nGradient of weights +Float"), ContainsRegex("\nOptimizer +Float")));

    ProcessResult const brain = train({"--dump-precision", "--set", "training.mixed_precision=bf16"});
    EXPECT_THAT(brain.out, AllOf(ContainsRegex("\nLinear +BFloat16"), ContainsRegex("\nSoftmax +Float")));
}

TEST(TrainProgram, RefusesTheCpuWhereAGpuIsRequired) {
    TempDir const folder;
    ProcessResult const result =
        run_process({"env", "CUDA_VISIBLE_DEVICES=", CTCLIP_BIN "/ctclip-train", "--set",
                     "run.dir=" + (folder.path() / "run").string(), "--set", "device.require_cuda=true",
                     "--set", "data.webdataset_shards_train=none"});
    EXPECT_EQ(result.exit_code, 69) << result.err;
    EXPECT_THAT(result.err, AllOf(HasSubstr("device.require_cuda is set, but"), HasSubstr("CUDA")));
}

TEST(TrainProgram, SaysThatTheCpuComputesUnlessThatIsMeant) {
    TempDir const folder;
    auto const start = [&](std::string const& use_cuda) {
        return run_process({"env", "CUDA_VISIBLE_DEVICES=", CTCLIP_BIN "/ctclip-train", "--dry-run", "--set",
                            "run.dir=" + (folder.path() / "run").string(), "--set", "device.use_cuda=" + use_cuda,
                            "--set", "data.webdataset_shards_train=none"})
            .err;
    };
    EXPECT_THAT(start("true"),
                AllOf(HasSubstr("computing on the CPU, since this pro"), HasSubstr("device.require_cuda")));
    EXPECT_THAT(start("false"), testing::Not(HasSubstr("computing on the CPU")));
}

TEST(TrainProgram, RefusesAPrecisionThatDoesNotExist) {
    ProcessResult const result = train({"--dump-precision", "--set", "training.mixed_precision=fp8"});
    EXPECT_EQ(result.exit_code, 78);
    EXPECT_THAT(result.err, AllOf(HasSubstr("fp8"), HasSubstr("bf16")));
}

}  // namespace
}  // namespace ctclip
