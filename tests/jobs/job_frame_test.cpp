// The frame as its users meet it: the stand-in job is started as a process, alone and under mpirun.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string const kJob = CTCLIP_STAND_IN_JOB;

ProcessResult run_alone(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kJob);
    return run_process(arguments);
}

std::vector<std::string> mpirun_words(std::vector<std::string> const& arguments) {
    std::vector<std::string> words = {CTCLIP_MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", "3", kJob};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
}

ProcessResult run_on_3_ranks(std::vector<std::string> const& arguments) {
    return run_process(mpirun_words(arguments));
}

std::size_t count(std::string const& text, std::string const& part) {
    std::size_t number = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) {
        ++number;
    }
    return number;
}

TEST(JobFrame, HelpGoesToStdoutWithAnExampleFirst) {
    ProcessResult const result = run_alone({"--help"});

    EXPECT_EQ(result.exit_code, 0);
    EXPECT_LT(result.out.find("stand_in_job --action nothing"), result.out.find("--config"));
    EXPECT_THAT(result.err, IsEmpty());
}

TEST(JobFrame, VersionIsTextOrJson) {
    EXPECT_THAT(run_alone({"--version"}).out, StartsWith("stand_in_job 0."));
    nlohmann::json const version = nlohmann::json::parse(run_alone({"--version", "--json"}).out);
    EXPECT_EQ(version.at("schema"), "ctclip.version/1");
    EXPECT_TRUE(version.at("libraries").contains("HDF5"));
}

TEST(JobFrame, PrintsHelpOnceHoweverManyRanks) {
    ProcessResult const result = run_on_3_ranks({"--help"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(count(result.out, "Usage:"), 1U);
}

TEST(JobFrame, ATypoInAnOptionIsAUsageError) {
    ProcessResult const result = run_alone({"--acton", "fail"});
    EXPECT_EQ(result.exit_code, 64);
    EXPECT_THAT(result.err, HasSubstr("unknown option --acton. Did you mean --action?"));
}

TEST(JobFrame, UsageErrorsArePrintedOnceByRank0) {
    ProcessResult const result = run_on_3_ranks({"--action", "fale"});
    EXPECT_EQ(result.exit_code, 64);
    EXPECT_EQ(count(result.err, "Did you mean fail?"), 1U) << result.err;
}

TEST(JobFrame, ConfigurationErrorsArePrintedOnceByRank0) {
    ProcessResult const result = run_on_3_ranks({"--set", "convert.num_stesp=1"});
    EXPECT_EQ(result.exit_code, 78);
    EXPECT_EQ(count(result.err, "Did you mean convert.num_steps?"), 1U) << result.err;
}

TEST(JobFrame, FilesAssignmentsAndFlagsWinInThatOrder) {
    TempDir const folder;
    std::ofstream(folder / "c.yaml") << "convert: {action: wait, num_steps: 2, failing_rank: 0}\n"
                                        "training: {keys: of another job}\n";

    ProcessResult const result =
        run_alone({"--config", (folder / "c.yaml").string(), "--set", "convert.num_steps=3", "--set",
                   "convert.action=fail", "--old_action", "table", "--dump-config"});

    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("action: table"));
    EXPECT_THAT(result.out, HasSubstr("# --old_action"));
    EXPECT_THAT(result.out, HasSubstr("num_steps: 3"));
    EXPECT_THAT(result.out, HasSubstr("c.yaml:1:53"));
}

TEST(JobFrame, AMissingConfigurationFileIsABadConfiguration) {
    ProcessResult const result = run_alone({"--config", "/nowhere/c.yaml"});
    EXPECT_EQ(result.exit_code, 78);
    EXPECT_THAT(result.err, HasSubstr("/nowhere/c.yaml"));
}

TEST(JobFrame, WritesToStdoutFromRank0Only) {
    ProcessResult const result = run_on_3_ranks({"--action", "table"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, "the table\n");
}

TEST(JobFrame, AFailureOfOneRankEndsAllWithItsCode) {
    auto const start = std::chrono::steady_clock::now();

    ProcessResult const result = run_on_3_ranks({"--action", "fail", "--set", "convert.failing_rank=1"});

    EXPECT_EQ(result.exit_code, 65);
    EXPECT_THAT(result.err, HasSubstr("[rank 1] error: volume.npz: broken"));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(JobFrame, AFailureOfAllRanksIsPrintedOnce) {
    ProcessResult const result = run_on_3_ranks({"--action", "fail"});
    EXPECT_EQ(result.exit_code, 65);
    EXPECT_EQ(count(result.err, "volume.npz: broken"), 1U) << result.err;
}

TEST(JobFrame, AFailureOfAllRanksLetsRank0EndItsSave) {
    TempDir const dir;
    ProcessResult const result =
        run_on_3_ranks({"--action", "fail_while_saving", "--set", "convert.output=" + dir.path().string()});
    EXPECT_EQ(result.exit_code, 70) << result.err;
    EXPECT_TRUE(std::filesystem::exists(dir / "step-00000000.h5")) << result.err;
    EXPECT_EQ(count(result.err, "the loss is no number"), 1U) << result.err;
}

TEST(JobFrame, ABrokenNetworkEndsTheJobWithCode75) {
    ProcessResult const result = run_process({"/usr/bin/env", "STAND_IN_BROKEN_NETWORK=1", kJob});
    EXPECT_EQ(result.exit_code, 75) << result.err;
    EXPECT_THAT(result.err, HasSubstr("MPI_Allreduce failed"));

    std::vector<std::string> words = mpirun_words({});
    words.insert(words.begin(), {"/usr/bin/env", "STAND_IN_BROKEN_NETWORK=1"});
    EXPECT_EQ(run_process(words).exit_code, 75);
}

TEST(JobFrame, MayOpenAsManyFilesAsTheSystemAllows) {
    ProcessResult const result =
        run_process({"/bin/sh", "-c", "ulimit -Sn 100; ulimit -Hn 600; exec " + kJob + " --action file_limit"});
    EXPECT_EQ(result.out, "600\n") << result.err;
}

TEST(JobFrame, UnknownExceptionsAreInternalErrors) {
    ProcessResult const result = run_alone({"--action", "throw"});
    EXPECT_EQ(result.exit_code, 70);
    EXPECT_THAT(result.err, HasSubstr("internal error: a bug"));
}

TEST(JobFrame, QuietLeavesOnlyWarningsAndErrors) {
    EXPECT_THAT(run_alone({"-q"}).err, IsEmpty());
    EXPECT_THAT(run_alone({}).err, HasSubstr("1 rank"));
    EXPECT_THAT(run_alone({"-q", "--action", "fail"}).err, HasSubstr("broken"));
}

TEST(JobFrame, EveryStopSignalEndsTheJobWithCode75) {
    for (int const signal_number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
        Process job({kJob, "--action", "wait"});
        job.wait_for_error_text("waiting");
        job.signal(signal_number);
        ProcessResult const result = job.wait();
        EXPECT_EQ(result.exit_code, 75) << "signal " << signal_number;
        EXPECT_THAT(result.err, AllOf(HasSubstr("warning: stopped by a signal"), Not(HasSubstr("error:"))));
    }
}

TEST(JobFrame, ASignalToMpirunStopsAllRanks) {
    Process job(mpirun_words({"--action", "wait"}));
    job.wait_for_error_text("waiting");
    job.signal(SIGUSR1);
    EXPECT_EQ(job.wait().exit_code, 75);
}

TEST(JobFrame, RefusesAWorldThatSlurmDidNotAskFor) {
    ProcessResult const result = run_process({"/usr/bin/env", "SLURM_NTASKS=4", kJob});
    EXPECT_EQ(result.exit_code, 64);
    EXPECT_THAT(result.err, HasSubstr("SLURM_NTASKS"));
}

}  // namespace
}  // namespace ctclip
