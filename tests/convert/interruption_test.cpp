// kill -9 of the program at system calls and at random moments: whatever it left, the same command again
// gives the bytes of an uninterrupted run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "convert/made_dataset.hpp"
#include "shard/shard_verify.hpp"
#include "support/killed_at_call.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

/// More trials than a test run has time for: CTCLIP_KILL_TRIALS=10000.
int num_trials_or(int otherwise) {
    char const* const text = std::getenv("CTCLIP_KILL_TRIALS");
    return text == nullptr ? otherwise : std::atoi(text);
}

/// Every file under a final name is whole, at any moment.
void expect_no_torn_file(ConvertOptions const& options) {
    if (!fs::exists(options.output)) {
        return;
    }
    for (auto const& entry : fs::directory_iterator(options.output)) {
        if (entry.path().extension() == ".tar") {
            EXPECT_NO_THROW(EXPECT_TRUE(verify_shard(entry.path()).has_digests));
        }
    }
}

TEST(Interruption, AtASystemCallLosesNothing) {
    MadeDataset dataset(4);
    dataset.run();
    auto const expected = content_of(dataset.options.output);

    int const stride = std::max(1, 1500 / num_trials_or(60));
    int num_killed = 0;
    for (int call = 1 + static_cast<int>(std::random_device{}() % static_cast<unsigned>(stride));;
         call += stride) {
        fs::remove_all(dataset.options.output);
        bool const was_killed = killed_at_call(call, [&] { dataset.run(); });
        expect_no_torn_file(dataset.options);
        dataset.run();
        ASSERT_TRUE(content_of(dataset.options.output) == expected) << "killed at system call " << call;
        if (!was_killed) {
            break;
        }
        ++num_killed;
    }
    EXPECT_GT(num_killed, 10);
    RecordProperty("kills", num_killed);
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> children;
    for (auto const& task : fs::directory_iterator(fmt::format("/proc/{}/task", parent))) {
        std::ifstream file(task.path() / "children");
        children.insert(children.end(), std::istream_iterator<pid_t>(file), {});
    }
    return children;
}

/// The launcher may return before the last of its ranks is gone, and as long as that one lives the output is
/// its.
void end_and_await(std::vector<pid_t> const& processes) {
    for (pid_t const process : processes) {
        for (int i = 0; i < 1000 && ::kill(process, SIGKILL) == 0; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

TEST(Interruption, OfARankAtARandomMomentLosesNothing) {
    MadeDataset dataset(12);
    dataset.run();
    auto const expected = content_of(dataset.options.output);
    fs::remove_all(dataset.options.output);

    unsigned const seed = std::random_device{}();
    std::mt19937 random(seed);
    int num_unfinished = 0;
    for (int trial = 0; trial < num_trials_or(6); ++trial) {
        std::string const num_ranks = std::to_string(1 + trial % 4);
        Process process({CTCLIP_MPIRUN, "--oversubscribe", "-n", num_ranks, CTCLIP_BIN "/ctclip-convert",
                         "-q", "--volumes", dataset.options.volumes, "--reports", dataset.options.reports,
                         "--metadata", dataset.options.metadata, "--labels", dataset.options.labels,
                         "--output", dataset.options.output, "--samples_per_shard", "2"});
        std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 500));
        std::vector<pid_t> const ranks = children_of(process.pid());
        if (!ranks.empty()) {
            ::kill(ranks[random() % ranks.size()], SIGKILL);
        }
        process.wait();
        end_and_await(ranks);
        expect_no_torn_file(dataset.options);
        if (fs::exists(dataset.options.output / "manifest.json")) {
            EXPECT_TRUE(content_of(dataset.options.output) == expected)
                << "seed " << seed << ", trial " << trial;
            fs::remove_all(dataset.options.output);
        } else {
            ++num_unfinished;
        }
    }
    dataset.run();
    EXPECT_TRUE(content_of(dataset.options.output) == expected) << "seed " << seed;
    RecordProperty("unfinished", num_unfinished);
}

}  // namespace
}  // namespace ctclip
