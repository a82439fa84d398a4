#include <array>

#include "base/log.hpp"
#include "mpi/cuda_check.hpp"
#include "mpi/device_placement.hpp"

namespace ctclip {
namespace {

GpuInfo describe(int index) {
    cudaDeviceProp properties{};
    cuda_check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    std::array<char, 32> bus_id{};
    cuda_check(cudaDeviceGetPCIBusId(bus_id.data(), static_cast<int>(bus_id.size()), index),
               "cudaDeviceGetPCIBusId");
    return {.index = index,
            .name = properties.name,
            .pci_bus_id = bus_id.data(),
            .compute_major = properties.major,
            .compute_minor = properties.minor,
            .memory_bytes = properties.totalGlobalMem};
}

}  // namespace

std::vector<GpuInfo> visible_gpus() {
    int count = 0;
    cudaError_t const status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess) {
        if (status != cudaErrorNoDevice) {
            log_warning("no GPU is used: {}", cudaGetErrorString(status));
        }
        return {};
    }
    std::vector<GpuInfo> gpus;
    for (int index = 0; index < count; ++index) {
        gpus.push_back(describe(index));
    }
    return gpus;
}

void use_gpu(GpuInfo const& gpu) {
    cuda_check(cudaSetDevice(gpu.index), "cudaSetDevice");
}

}  // namespace ctclip
