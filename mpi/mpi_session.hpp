/// MPI from start to end, once per process.
#pragma once

#include <memory>

#include "base/exit_code.hpp"
#include "dist/communicator.hpp"

namespace ctclip {

class MpiSession {
  public:
    /// Collective. Starts MPI (also in a process without a launcher: a world of one rank) so that errors are
    /// returned, not fatal, and sets the rank of log lines.
    /// @throws Error kUsage when MPI sees another number of ranks than the launcher was asked for; every rank
    /// throws.
    MpiSession();
    MpiSession(MpiSession const&) = delete;
    MpiSession& operator=(MpiSession const&) = delete;
    /// Ends MPI. An exception that one rank alone sees must go to abort() before it gets here: the others may
    /// wait for this rank for ever.
    ~MpiSession();

    /// All ranks, host memory.
    Communicator& communicator() const noexcept;

    /// Position among the ranks of this host, 0-based: from MPI, since Slurm's variables are those of the
    /// daemon under mpirun.
    int local_rank() const noexcept { return local_rank_; }
    int local_size() const noexcept { return local_size_; }

    /// Ends every rank of the job at once; the launcher returns `code`. The only way in which the code of one
    /// failing rank survives both mpirun and srun.
    [[noreturn]] void abort(ExitCode code) const noexcept;

    /// The same from any thread, also while the main thread is stuck in MPI: ends the process within seconds even
    /// where MPI no longer answers.
    [[noreturn]] static void abort_while_stuck(ExitCode code) noexcept;

  private:
    class Library;  // MPI_Init ... MPI_Finalize: outlives the communicator

    std::unique_ptr<Library> library_;
    std::unique_ptr<Communicator> communicator_;
    int local_rank_ = 0;
    int local_size_ = 1;
};

}  // namespace ctclip
