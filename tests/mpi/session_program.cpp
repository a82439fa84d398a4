// What the session tests start under mpirun: rank 1 fails in one way or another while the others wait for it.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "mpi/mpi_session.hpp"

namespace {

void run(std::string const& action, ctclip::Communicator& communicator) {
    bool const is_failing = communicator.rank() == 1;
    if (is_failing && action == "die") {
        std::raise(SIGKILL);
    }
    std::vector<float> gradients(1000, 1.0F);
    if (is_failing && action == "throw_while_reducing") {
        // Nobody joins this reduction.
        auto const pending = communicator.all_reduce_async(
            gradients.data(), gradients.size(), ctclip::Element::kF32, ctclip::Reduction::kAverage);
        ctclip::fail(ctclip::ExitCode::kCannotCreate, "rank 1 cannot write");
    }
    communicator.barrier();
}

}  // namespace

int main(int, char** argv) {
    try {
        ctclip::MpiSession const session;
        try {
            run(argv[1], session.communicator());
            std::printf("rank %d of %d, local %d of %d\n", session.communicator().rank(),
                        session.communicator().world_size(), session.local_rank(), session.local_size());
        } catch (ctclip::Error const& error) {
            std::fprintf(stderr, "%s\n", error.what());
            session.abort(error.code());
        }
    } catch (ctclip::Error const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return static_cast<int>(error.code());
    }
}
