/// The one place that looks at an MPI status. It matters only because MpiSession sets MPI_ERRORS_RETURN: by
/// default MPI kills the process before any status is returned.
#pragma once

#include <source_location>
#include <string_view>

namespace ctclip {

/// @param call  the call and its purpose, such as "MPI_Bcast(weights)".
/// @throws Error kTryAgain: a broken communication is a failed node or network, and the saved work is intact.
void mpi_check(int status, std::string_view call,
               std::source_location where = std::source_location::current());

}  // namespace ctclip
