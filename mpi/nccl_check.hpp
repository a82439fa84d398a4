/// The one place that looks at a status of NCCL, and turns a failure into an Error.
#pragma once

#include <nccl.h>

#include <source_location>
#include <string_view>

namespace ctclip {

/// ncclInProgress counts as success: the communicator is not blocking.
/// @param call  the call and its purpose. @throws Error kTryAgain: as for MPI, a failed node or network.
void nccl_check(ncclResult_t status, std::string_view call,
                std::source_location where = std::source_location::current());

}  // namespace ctclip
