/// The one place that looks at a status of CUDA, and turns a failure into an Error.
#pragma once

#include <cuda_runtime_api.h>

#include <source_location>
#include <string_view>

namespace ctclip {

/// @param call  the call and its purpose. @throws Error kUnavailable: the device or its driver failed.
void cuda_check(cudaError_t status, std::string_view call,
                std::source_location where = std::source_location::current());

}  // namespace ctclip
