#include "kernels/preprocess_kernel.hpp"

#include <cuda_runtime.h>

namespace ctclip {
namespace {

template <class Voxels, class Element>
__global__ void __launch_bounds__(kTileThreads) tile_kernel(Voxels voxels, InputShape shape, Element* input_zxy) {
    __shared__ VoxelTile tile;
    BlockIndex const block{static_cast<std::int32_t>(blockIdx.x), static_cast<std::int32_t>(blockIdx.y),
                           static_cast<std::int32_t>(blockIdx.z)};
    auto const thread = static_cast<std::int32_t>(threadIdx.x);
    read_tile(voxels, shape, block, thread, tile);
    __syncthreads();
    write_tile(shape, block, thread, tile, input_zxy);
}

template <class Element, class Voxels>
void launch(Voxels const& voxels, InputShape shape, void* input_device, CudaStream stream) {
    BlockCounts const counts = shape.block_counts();
    dim3 const grid(static_cast<unsigned>(counts.along_x), static_cast<unsigned>(counts.along_y),
                    static_cast<unsigned>(counts.along_z));
    tile_kernel<<<grid, kTileThreads, 0, stream>>>(voxels, shape, static_cast<Element*>(input_device));
}

template <class Voxels>
char const* start(Voxels const& voxels, InputShape shape, void* input_device, InputType type, CudaStream stream) {
    switch (type) {
        case InputType::kFloat32: launch<float>(voxels, shape, input_device, stream); break;
        case InputType::kFloat16: launch<HalfElement>(voxels, shape, input_device, stream); break;
        case InputType::kBFloat16: launch<BFloat16Element>(voxels, shape, input_device, stream); break;
    }
    cudaError_t const status = cudaGetLastError();
    return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

}  // namespace

char const* start_preprocess_kernel(RawVoxels const& voxels, InputShape shape, void* input_device, InputType type,
                                    CudaStream stream) {
    return start(voxels, shape, input_device, type, stream);
}

char const* start_widen_kernel(StoredVoxels const& voxels, InputShape shape, void* input_device, InputType type,
                               CudaStream stream) {
    return start(voxels, shape, input_device, type, stream);
}

}  // namespace ctclip
