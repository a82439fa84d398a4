#include "mpi/mpi_session.hpp"

#include <mpi.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "mpi/launch_check.hpp"
#include "mpi/mpi_check.hpp"
#include "mpi/mpi_communicator.hpp"

namespace ctclip {

class MpiSession::Library {
  public:
    Library() {
        // SERIALIZED: several threads call, one at a time (mpi/background_progress.hpp).
        mpi_check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &thread_support_), "MPI_Init_thread");
    }
    Library(Library const&) = delete;
    Library& operator=(Library const&) = delete;
    ~Library() {
        if (MPI_Finalize() != MPI_SUCCESS) {
            log_warning("MPI_Finalize failed");
        }
    }

    /// What may fail once MPI runs; then it must be ended all the same.
    void prepare() const {
        mpi_check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
        require(thread_support_ >= MPI_THREAD_SERIALIZED, ExitCode::kUnavailable,
                "this MPI library allows calls from the main thread only (gradients are sent from autograd's "
                "threads). Use an MPI built with thread support.");
    }

  private:
    int thread_support_ = MPI_THREAD_SINGLE;
};

namespace {

constexpr std::chrono::seconds kAbortPatience(3);

struct LocalPlace {
    int rank = 0;
    int size = 1;
};

LocalPlace find_local_place() {
    MPI_Comm node = MPI_COMM_NULL;
    mpi_check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node),
              "MPI_Comm_split_type");
    MpiCommHandle const owner(node);
    LocalPlace place;
    mpi_check(MPI_Comm_rank(node, &place.rank), "MPI_Comm_rank");
    mpi_check(MPI_Comm_size(node, &place.size), "MPI_Comm_size");
    return place;
}

void refuse_if(std::optional<std::string> const& problem) {
    if (problem) {
        throw Error(ExitCode::kUsage, *problem);
    }
}

}  // namespace

MpiSession::MpiSession() {
    LaunchEnvironment const environment = LaunchEnvironment::read();
    refuse_if(launch_problem(environment));
    library_ = std::make_unique<Library>();
    library_->prepare();
    communicator_ = std::make_unique<MpiCommunicator>(MPI_COMM_WORLD);

    // Hosts may differ in their variables; rank 0's decide, so that all ranks refuse or none.
    std::optional<std::string> const problem = launch_problem(environment, communicator_->world_size());
    int is_refused = problem ? 1 : 0;
    communicator_->broadcast(&is_refused, sizeof is_refused, 0);
    if (is_refused != 0) {
        refuse_if(problem.value_or("rank 0 refused the way in which the job was started (see its message)."));
    }

    if (communicator_->world_size() > 1) {
        set_log_rank(communicator_->rank());
    }
    LocalPlace const place = find_local_place();
    local_rank_ = place.rank;
    local_size_ = place.size;
}

MpiSession::~MpiSession() = default;

Communicator& MpiSession::communicator() const noexcept {
    return *communicator_;
}

void MpiSession::abort_while_stuck(ExitCode code) noexcept {
    std::thread([code] { MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code)); }).detach();
    std::this_thread::sleep_for(kAbortPatience);
    std::_Exit(static_cast<int>(code));
}

void MpiSession::abort(ExitCode code) const noexcept {
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
    std::_Exit(static_cast<int>(code));  // MPI_Abort may return when the launcher is gone
}

}  // namespace ctclip
