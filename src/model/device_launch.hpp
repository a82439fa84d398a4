/// Launches of src/kernels on the stream where ATen runs its own operators. CUDA builds only.
#pragma once

#if defined(CTCLIP_CUDA)

#include <ATen/ATen.h>
#include <c10/cuda/CUDAStream.h>

#include "base/error.hpp"

namespace ctclip {

inline CUstream_st* stream_of(at::Tensor const& tensor) {
    return c10::cuda::getCurrentCUDAStream(tensor.device().index()).stream();
}

/// @param problem  what a launch function returned.   @throws Error kUnavailable unless that is null.
inline void require_launched(char const* problem, char const* what) {
    require(problem == nullptr, ExitCode::kUnavailable, "the {} kernel could not be started: {}", what,
            problem == nullptr ? "" : problem);
}

}  // namespace ctclip

#endif
