/// The stream on which ATen runs its own operators for a CUDA tensor, for launches of src/kernels.
#pragma once

#if defined(CTCLIP_CUDA)

#include <ATen/ATen.h>
#include <c10/cuda/CUDAStream.h>

namespace ctclip {

inline CUstream_st* stream_of(at::Tensor const& tensor) {
    return c10::cuda::getCurrentCUDAStream(tensor.device().index()).stream();
}

}  // namespace ctclip

#endif
