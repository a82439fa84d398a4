#include "mpi/mpi_check.hpp"

#include <mpi.h>

#include <array>
#include <filesystem>

#include "base/error.hpp"

namespace ctclip {

void mpi_check(int status, std::string_view call, std::source_location where) {
    if (status == MPI_SUCCESS) {
        return;
    }
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    if (MPI_Error_string(status, text.data(), &length) != MPI_SUCCESS) {
        length = 0;
    }
    fail(ExitCode::kTryAgain,
         "{} failed at {}:{}: {} (status {}). Another rank or a node may have died: look for the first error "
         "in the job's log, then run the same command again.",
         call, std::filesystem::path(where.file_name()).filename().string(), where.line(),
         std::string_view(text.data(), static_cast<std::size_t>(length)), status);
}

}  // namespace ctclip
