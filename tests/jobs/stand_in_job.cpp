// A job whose body does what the tests of the frame need: fail on one rank or all, wait, or stop when asked.
// With STAND_IN_BROKEN_NETWORK set, reductions over MPI fail.
#include <mpi.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/checkpoint_saver.hpp"
#include "dist/pulse.hpp"
#include "jobs/job_frame.hpp"
#include "mpi/watchdog_rules.hpp"

namespace {

struct StandInOptions {
    std::string action = "nothing";
    std::int64_t failing_rank = -1;
    std::int64_t num_steps = 1;
    std::filesystem::path output;

    void bind(ctclip::Schema& schema) {
        schema.key("convert.action", action, "what to do")
            .choices({"nothing", "fail", "fail_while_saving", "throw", "wait", "table", "file_limit"})
            .flag("--action", {"--old_action"});
        schema.key("convert.failing_rank", failing_rank, "rank that fails; -1: all").min(-1);
        schema.key("convert.num_steps", num_steps, "steps").positive();
        schema.key("convert.output", output, "folder for checkpoints");
    }
};

void wait_for_stop(ctclip::JobContext& job) {
    for (int i = 0; i < 200; ++i) {
        std::int64_t stop = job.stop_requested() ? 1 : 0;
        job.communicator().all_reduce(&stop, 1, ctclip::Element::kI64, ctclip::Reduction::kMax);
        if (stop != 0) {
            throw ctclip::Stopped("stopped by a signal; run the same command to go on");
        }
        if (i == 0 && job.rank() == 0) {
            ctclip::log_info("waiting");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

/// All ranks fail at once, while rank 0 saves in the background to a store that takes longer than any step may.
void fail_while_saving(std::filesystem::path const& folder, ctclip::JobContext& job) {
    job.watch({.step_s = 2.5, .slow_s = 60.0});
    std::optional<ctclip::CheckpointStore> store;
    std::optional<ctclip::CheckpointSaver> saver;
    if (job.rank() == 0) {
        store.emplace(folder, ctclip::RetentionPolicy{});
        saver.emplace(*store).submit([] {
            std::this_thread::sleep_for(std::chrono::seconds(5));
            return ctclip::TrainState{};
        });
    }
    ctclip::Pulse::of_process().set_activity(ctclip::Activity::kStep);
    job.communicator().barrier();
    ctclip::fail(ctclip::ExitCode::kInternal, "the loss is no number");
}

std::string file_limit() {
    struct rlimit limit {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return fmt::format("{}\n", limit.rlim_cur);
}

void run(StandInOptions const& options, ctclip::JobContext& job) {
    bool const is_failing = options.failing_rank < 0 || options.failing_rank == job.rank();
    if (options.action == "fail" && is_failing) {
        ctclip::fail(ctclip::ExitCode::kBadInput, "volume.npz: broken");
    }
    if (options.action == "throw" && is_failing) {
        throw std::runtime_error("a bug");
    }
    if (options.action == "fail_while_saving") {
        fail_while_saving(options.output, job);
    }
    if (options.action == "wait") {
        wait_for_stop(job);
    }
    job.write(options.action == "table" ? "the table\n" : "");
    job.write(options.action == "file_limit" ? file_limit() : "");
    job.communicator().barrier();
}

}  // namespace

/// MPI's profiling interface: stands before the library's.
extern "C" int MPI_Allreduce(void const* sent, void* received, int count, MPI_Datatype type, MPI_Op operation,
                             MPI_Comm ranks) {
    return std::getenv("STAND_IN_BROKEN_NETWORK") != nullptr
               ? MPI_ERR_OTHER
               : PMPI_Allreduce(sent, received, count, type, operation, ranks);
}

int main(int argc, char** argv) {
    StandInOptions options;
    return ctclip::run_job(
        argc, argv,
        {"stand_in_job", "does what a test asks", {{"stand_in_job --action nothing", "does nothing"}}},
        [&](ctclip::Schema& schema) { options.bind(schema); },
        [&](ctclip::JobContext& job) { run(options, job); });
}
