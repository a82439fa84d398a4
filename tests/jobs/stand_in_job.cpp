// A job whose body does what the tests of the frame need: fail on one rank or all, wait, or stop when asked.
#include <chrono>
#include <stdexcept>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "jobs/job_frame.hpp"

namespace {

struct StandInOptions {
    std::string action = "nothing";
    std::int64_t failing_rank = -1;
    std::int64_t num_steps = 1;

    void bind(ctclip::Schema& schema) {
        schema.key("convert.action", action, "what to do")
            .choices({"nothing", "fail", "throw", "wait", "table"})
            .flag("--action", {"--old_action"});
        schema.key("convert.failing_rank", failing_rank, "rank that fails; -1: all").min(-1);
        schema.key("convert.num_steps", num_steps, "steps").positive();
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

void run(StandInOptions const& options, ctclip::JobContext& job) {
    bool const is_failing = options.failing_rank < 0 || options.failing_rank == job.rank();
    if (options.action == "fail" && is_failing) {
        ctclip::fail(ctclip::ExitCode::kBadInput, "volume.npz: broken");
    }
    if (options.action == "throw" && is_failing) {
        throw std::runtime_error("a bug");
    }
    if (options.action == "wait") {
        wait_for_stop(job);
    }
    job.write(options.action == "table" ? "the table\n" : "");
    job.communicator().barrier();
}

}  // namespace

int main(int argc, char** argv) {
    StandInOptions options;
    return ctclip::run_job(
        argc, argv,
        {"stand_in_job", "does what a test asks", {{"stand_in_job --action nothing", "does nothing"}}},
        [&](ctclip::Schema& schema) { options.bind(schema); },
        [&](ctclip::JobContext& job) { run(options, job); });
}
