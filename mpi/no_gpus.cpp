// Without CUDA there are no GPUs.
#include "base/error.hpp"
#include "mpi/device_placement.hpp"

namespace ctclip {

std::vector<GpuInfo> visible_gpus() {
    return {};
}

void use_gpu(GpuInfo const& gpu) {
    fail(ExitCode::kUnavailable, "GPU {} cannot be used: this program was built without CUDA (CTCLIP_CUDA)",
         gpu.index);
}

}  // namespace ctclip
