/// Marks functions that both the CPU loops and the CUDA kernels call, so that what the CPU tests is what a
/// GPU runs.
#pragma once

#if defined(__CUDACC__)
#define CTCLIP_HOST_DEVICE __host__ __device__
#else
#define CTCLIP_HOST_DEVICE
#endif
