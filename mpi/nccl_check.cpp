#include "mpi/nccl_check.hpp"

#include <filesystem>

#include "base/error.hpp"

namespace ctclip {

void nccl_check(ncclResult_t status, std::string_view call, std::source_location where) {
    require(status == ncclSuccess || status == ncclInProgress, ExitCode::kTryAgain,
            "{} failed at {}:{}: {} ({}). Another rank or a node may have died: look for the first error in "
            "the job's log, then run the same command again; NCCL_DEBUG=WARN tells more.",
            call, std::filesystem::path(where.file_name()).filename().string(), where.line(),
            ncclGetErrorString(status), ncclGetLastError(nullptr));
}

}  // namespace ctclip
