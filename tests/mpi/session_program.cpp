// What the session tests start under mpirun: rank 1 fails in one way or another while the others wait for it.
// With SESSION_PROGRAM_NO_THREADS set, the MPI library says that it supports no threads.
#include <mpi.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
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

// MPI's profiling interface: these stand before the library's.
extern "C" {

int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
    int const status = PMPI_Init_thread(argc, argv, required, provided);
    if (std::getenv("SESSION_PROGRAM_NO_THREADS") != nullptr) {
        *provided = MPI_THREAD_SINGLE;
    }
    return status;
}

int MPI_Finalize() {
    std::fprintf(stderr, "finalizing\n");
    return PMPI_Finalize();
}

}  // extern "C"

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
