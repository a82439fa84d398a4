// What the watchdog tests start under mpirun: ranks that compute and wait for each other in steps, until the
// last rank does what its second argument says, in step 3.   watchdog_program LIMIT_S ACTION
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dist/pulse.hpp"
#include "mpi/mpi_session.hpp"
#include "mpi/watchdog.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int kNumSteps = 6;
constexpr int kStepOfTheAction = 3;

void loop_for_ever() {
    std::atomic<std::uint64_t> num_turns = 0;
    for (;;) {
        ++num_turns;
    }
}

void act(std::string const& action, double limit_s) {
    auto const longer_than_allowed = std::chrono::duration<double>(2.0 * limit_s);
    if (action == "stop") {
        ::raise(SIGSTOP);
    } else if (action == "loop") {
        loop_for_ever();
    } else if (action == "kill") {
        ::raise(SIGKILL);
    } else if (action == "exit") {
        ::_exit(0);
    } else if (action == "throw") {
        ctclip::fail(ctclip::ExitCode::kBadInput, "a broken shard");
    } else if (action == "save") {
        ctclip::ActivityScope const activity(ctclip::Activity::kSaving);
        std::this_thread::sleep_for(longer_than_allowed);
    } else if (action == "wait") {
        // The test stops and continues all ranks now.
        std::fprintf(stderr, "at rest\n");
        std::this_thread::sleep_for(2s);
    }
}

void run(ctclip::Communicator& ranks, std::string const& action, double limit_s) {
    bool const is_last = ranks.rank() == ranks.world_size() - 1;
    for (int step = 1; step <= kNumSteps; ++step) {
        ctclip::Pulse::of_process().set_step(step);
        ctclip::Pulse::of_process().set_activity(step == 1 ? ctclip::Activity::kFirstStep
                                                           : ctclip::Activity::kStep);
        if (step == 1 && action == "slow_start" && is_last) {
            std::this_thread::sleep_for(std::chrono::duration<double>(2.0 * limit_s));
        }
        if (step == kStepOfTheAction && is_last) {
            act(action, limit_s);
        }
        double sum = 1.0;
        ranks.all_reduce(&sum, 1, ctclip::Element::kF64, ctclip::Reduction::kSum);
        std::this_thread::sleep_for(20ms);
    }
}

}  // namespace

int main(int, char** argv) {
    ctclip::MpiSession const session;
    double const limit_s = std::atof(argv[1]);
    std::fprintf(stderr, "process %d\n", static_cast<int>(::getpid()));
    try {
        ctclip::Watchdog const watchdog(
            session.communicator(), {.step_s = limit_s, .slow_s = 60.0}, [](std::string const& fault) {
                ctclip::log_error("{}", fault);
                ctclip::MpiSession::abort_while_stuck(ctclip::ExitCode::kTryAgain);
            });
        if (argv[2] == std::string("throw_at_once") && session.communicator().rank() != 0) {
            act("throw", limit_s);
        }
        run(session.communicator(), argv[2], limit_s);
    } catch (ctclip::Error const& error) {
        std::this_thread::sleep_for(1s);  // as long as the job frame waits for rank 0's word
        ctclip::log_error("{}", error.what());
        session.abort(error.code());
    }
    session.communicator().barrier();
    std::printf("done\n");
}
