#include "mpi/cuda_check.hpp"

#include <filesystem>

#include "base/error.hpp"

namespace ctclip {

void cuda_check(cudaError_t status, std::string_view call, std::source_location where) {
    require(status == cudaSuccess, ExitCode::kUnavailable,
            "{} failed at {}:{}: {} ({}). See nvidia-smi on that host.", call,
            std::filesystem::path(where.file_name()).filename().string(), where.line(),
            cudaGetErrorString(status), cudaGetErrorName(status));
}

}  // namespace ctclip
