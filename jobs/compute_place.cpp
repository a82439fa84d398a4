#include "jobs/compute_place.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/stop_signal.hpp"
#include "model/precision_policy.hpp"
#include "mpi/device_placement.hpp"

#if defined(CTCLIP_CUDA)
#include <c10/cuda/CUDAStream.h>

#include "mpi/nccl_communicator.hpp"
#endif

namespace ctclip {
namespace {

/// Cores that this process may use: what Slurm or a container gave it, not what the host has.
int num_usable_cores() {
    cpu_set_t cores;
    return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

/// A launcher that binds ranks leaves each its own cores; one that does not leaves all of them to every rank.
int default_threads(MpiSession const& session) {
    int const usable = num_usable_cores();
    auto const on_host = static_cast<int>(std::max<long>(1, ::sysconf(_SC_NPROCESSORS_ONLN)));
    bool const is_bound = usable * session.local_size() <= on_host;
    return std::max(1, is_bound ? usable : usable / session.local_size());
}

std::string why_no_gpu() {
#if defined(CTCLIP_CUDA)
    char const* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return fmt::format(
        "this process sees no GPU (CUDA_VISIBLE_DEVICES is {}). Ask Slurm for one with --gpus-per-node, and look "
        "whether nvidia-smi finds it.",
        visible == nullptr ? "not set" : visible);
#else
    return "this program was built without CUDA. Build it with `bash tools/setup.sh --cuda && bash tools/build.sh "
           "cuda` and start the one in build-cuda/bin.";
#endif
}

std::string cpu_name() {
    std::ifstream lines("/proc/cpuinfo");
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("model name")) {
            return line.substr(line.find(':') + 2);
        }
    }
    return "unknown CPU";
}

}  // namespace

ComputePlace::ComputePlace(MpiSession const& session, PlaceOptions const& options)
    : host_(session.communicator()) {
    DeviceOptions const& wanted = options.device;
    num_threads_ =
        wanted.num_threads > 0 ? static_cast<int>(wanted.num_threads) : default_threads(session);
    at::set_num_threads(num_threads_);
    set_accurate_sums();
    std::optional<GpuInfo> const gpu =
        place_rank(host_, wanted.use_cuda ? visible_gpus() : std::vector<GpuInfo>(),
                   {.local_rank = session.local_rank(),
                    .first_gpu = static_cast<int>(wanted.cuda_device),
                    .precision = options.precision,
                    .precision_key = options.precision_key});
    require(gpu || !wanted.require_cuda, ExitCode::kUnavailable, "device.require_cuda is set, but {}",
            why_no_gpu());
    if (!gpu) {
        if (wanted.use_cuda && host_.rank() == 0) {
            log_warning("computing on the CPU, since {} device.require_cuda=true makes this an error, "
                        "device.use_cuda=false says that the CPU is meant.",
                        why_no_gpu());
        }
        name_ = fmt::format("CPU, {} ({})", cpu_name(), at::get_cpu_capability());
        return;
    }
#if defined(CTCLIP_CUDA)
    device_ = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(gpu->index));
    name_ = gpu->name;
    if (options.gpu_link == GpuLink::kNccl) {
        device_ranks_ = std::make_unique<NcclCommunicator>(
            host_, [] { return c10::cuda::getCurrentCUDAStream().stream(); });
        install_stop_signals();  // NCCL may have taken some for itself
    }
#endif
}

}  // namespace ctclip
