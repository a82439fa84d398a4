/// One thread an item, for kernels whose every output element is independent. CUDA sources only.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

namespace ctclip {

/// Calls item(i) for every i in [0, num_items).
template <class Item>
__global__ void for_each_item_kernel(std::int64_t num_items, Item item) {
    std::int64_t const stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < num_items;
         i += stride) {
        item(i);
    }
}

/// @returns null, or why the kernel could not be started.
template <class Item>
char const* launch_for_each_item(std::int64_t num_items, Item const& item, cudaStream_t stream) {
    constexpr std::int64_t kThreads = 256;
    constexpr std::int64_t kMaxBlocks = std::int64_t{1} << 30;
    if (num_items == 0) {
        return nullptr;
    }
    auto const num_blocks =
        static_cast<unsigned>(std::min((num_items + kThreads - 1) / kThreads, kMaxBlocks));
    for_each_item_kernel<<<num_blocks, kThreads, 0, stream>>>(num_items, item);
    cudaError_t const status = cudaGetLastError();
    return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

}  // namespace ctclip
