/// Between preprocess_cuda.cpp and the CUDA compiler, which cannot read fmt: plain data only.
#pragma once

#include <cstdint>

#include "kernels/preprocess_cuda.hpp"

namespace ctclip {

/// Both return nullptr, or CUDA's description of why the kernel did not start.
char const* start_preprocess_kernel(RawVoxels const& voxels, InputShape shape, void* input_device,
                                    InputType type, CudaStream stream);
char const* start_widen_kernel(StoredVoxels const& voxels, InputShape shape, void* input_device,
                               InputType type, CudaStream stream);

}  // namespace ctclip
