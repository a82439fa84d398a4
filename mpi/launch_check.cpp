#include "mpi/launch_check.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace ctclip {
namespace {

std::optional<int> count_from(char const* variable) {
    char const* const value = std::getenv(variable);
    if (value == nullptr) {
        return std::nullopt;
    }
    std::string_view const text(value);
    int count = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    bool const is_count = error == std::errc() && end == text.data() + text.size() && count >= 1;
    return is_count ? std::optional(count) : std::nullopt;
}

std::string singletons_text(int asked, std::string_view variable) {
    return fmt::format(
        "srun started {} tasks ({}), but MPI does not connect them: each would be a world of one rank and do "
        "the whole job alone. Start with `srun --mpi=pmix` (`srun --mpi=list` shows what this cluster "
        "offers), or with mpirun.",
        asked, variable);
}

}  // namespace

LaunchEnvironment LaunchEnvironment::read() {
    LaunchEnvironment environment;
    environment.mpirun_size = count_from("OMPI_COMM_WORLD_SIZE");
    environment.slurm_step_size = count_from("SLURM_STEP_NUM_TASKS");
    environment.slurm_size = count_from("SLURM_NTASKS");
    for (char const* const variable : {"PMIX_RANK", "PMI_RANK", "PMI_FD", "OMPI_COMM_WORLD_SIZE"}) {
        environment.is_pmi_offered = environment.is_pmi_offered || std::getenv(variable) != nullptr;
    }
    return environment;
}

std::optional<std::string> launch_problem(LaunchEnvironment const& environment) {
    if (environment.slurm_step_size.value_or(1) > 1 && !environment.is_pmi_offered) {
        return singletons_text(*environment.slurm_step_size, "SLURM_STEP_NUM_TASKS");
    }
    return std::nullopt;
}

std::optional<std::string> launch_problem(LaunchEnvironment const& environment, int world_size) {
    if (environment.mpirun_size && *environment.mpirun_size != world_size) {
        return fmt::format(
            "mpirun started {} ranks (OMPI_COMM_WORLD_SIZE), but MPI sees {}. The mpirun in PATH is not of "
            "the Open MPI that this program is linked with: use that one's.",
            *environment.mpirun_size, world_size);
    }
    if (!environment.mpirun_size && environment.slurm_step_size) {
        return *environment.slurm_step_size == world_size
                   ? std::nullopt
                   : std::optional(singletons_text(*environment.slurm_step_size, "SLURM_STEP_NUM_TASKS"));
    }
    if (environment.slurm_size.value_or(1) > world_size) {
        return fmt::format(
            "Slurm gave this job {} tasks (SLURM_NTASKS), but MPI sees {} rank{}: the rest would idle. Start "
            "with `srun --mpi=pmix` or `mpirun -n {}`; for fewer ranks on purpose use `srun --mpi=pmix -n "
            "{}` or unset SLURM_NTASKS.",
            *environment.slurm_size, world_size, world_size == 1 ? "" : "s", *environment.slurm_size,
            world_size);
    }
    return std::nullopt;
}

}  // namespace ctclip
