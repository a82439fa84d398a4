/// Did the launcher start the ranks that it was asked for? A launcher that does not speak the library's PMI
/// starts N separate worlds of one rank, each of which would do the whole job.
#pragma once

#include <optional>
#include <string>

namespace ctclip {

/// The launcher's variables; take them before MPI_Init, which sets some itself.
struct LaunchEnvironment {
    std::optional<int> mpirun_size = std::nullopt;  ///< OMPI_COMM_WORLD_SIZE: started by Open MPI's mpirun
    std::optional<int> slurm_step_size = std::nullopt;  ///< SLURM_STEP_NUM_TASKS: started by srun
    std::optional<int> slurm_size = std::nullopt;       ///< SLURM_NTASKS: tasks of the allocation
    bool is_pmi_offered = false;                        ///< the launcher offers PMIx, PMI-2 or PMI-1

    static LaunchEnvironment read();
};

/// Before MPI_Init: the case in which Open MPI would end the process with a message of its own.
std::optional<std::string> launch_problem(LaunchEnvironment const& environment);

/// After it; ask on rank 0 and let it decide for all, since on other hosts mpirun's daemon has SLURM_
/// variables of its own. More ranks than Slurm tasks are fine (`mpirun -n 8` in a one-task allocation), fewer
/// are not.
/// @return what is wrong and what to do; nothing when all is well.
std::optional<std::string> launch_problem(LaunchEnvironment const& environment, int world_size);

}  // namespace ctclip
