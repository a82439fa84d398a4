// Memory that a GPU reads by itself, at the full rate of its bus and while the host does something else. CUDA
// builds only.
#include <cuda_runtime_api.h>

#include "base/error.hpp"
#include "loader/host_memory.hpp"

namespace ctclip {
namespace {

class PageLockedMemory final : public HostMemory {
  public:
    explicit PageLockedMemory(int device) : device_(device) {}

    std::byte* allocate(std::size_t size_bytes) override {
        void* memory = nullptr;
        // Loading threads begin on GPU 0, where this would make a context of half a gigabyte for every rank.
        cudaError_t status = ::cudaSetDevice(device_);
        if (status == cudaSuccess) {
            status = ::cudaHostAlloc(&memory, size_bytes, cudaHostAllocDefault);
        }
        require(status == cudaSuccess, ExitCode::kUnavailable,
                "no page-locked memory of {} MiB for batches on their way to GPU {}: {}. Give the job more "
                "memory, or "
                "lower data.prefetch_factor or data.batch_size.",
                size_bytes >> 20, device_, ::cudaGetErrorString(status));
        return static_cast<std::byte*>(memory);
    }

    void release(std::byte* memory, std::size_t) noexcept override { ::cudaFreeHost(memory); }

  private:
    int device_;
};

}  // namespace

std::unique_ptr<HostMemory> make_page_locked_memory(int device) {
    return std::make_unique<PageLockedMemory>(device);
}

}  // namespace ctclip
