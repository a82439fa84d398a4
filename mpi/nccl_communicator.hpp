/// Communicator over NCCL, for device memory, on a stream of its own beside the computation's. Compiled with
/// CTCLIP_CUDA only. The host waits until NCCL has taken a call, not until it is done; errors of other ranks surface at
/// the next call (progress() polls).
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <chrono>
#include <functional>

#include "base/handle.hpp"
#include "dist/communicator.hpp"

namespace ctclip {

struct CudaStreamTraits {
    using Raw = cudaStream_t;
    static Raw null() noexcept { return nullptr; }
    static void close(Raw raw) noexcept;
};
using CudaStreamHandle = UniqueHandle<CudaStreamTraits>;

struct CudaEventTraits {
    using Raw = cudaEvent_t;
    static Raw null() noexcept { return nullptr; }
    static void close(Raw raw) noexcept;
};
using CudaEventHandle = UniqueHandle<CudaEventTraits>;

/// Closing aborts, which waits for no other rank.
struct NcclCommTraits {
    using Raw = ncclComm_t;
    static Raw null() noexcept { return nullptr; }
    static void close(Raw raw) noexcept;
};
using NcclCommHandle = UniqueHandle<NcclCommTraits>;

class NcclCommunicator final : public Communicator {
  public:
    /// Collective. Starts NCCL through `host`, which passes its id around and which outlives this object; no
    /// MASTER_ADDR or port is needed. The GPU must be in use already (mpi/device_placement.hpp).
    /// @param current_stream  gives the stream of the calling thread's computation, every time anew.
    /// @param deadline        for NCCL to start or to end.
    NcclCommunicator(Communicator& host, std::function<cudaStream_t()> current_stream,
                     std::chrono::seconds deadline = std::chrono::seconds(300));
    NcclCommunicator(NcclCommunicator const&) = delete;
    NcclCommunicator& operator=(NcclCommunicator const&) = delete;
    /// Collective in good times. After an error, or while an exception passes, it aborts instead of waiting
    /// for ranks that may be gone.
    ~NcclCommunicator() override;

    int rank() const noexcept override { return host_.rank(); }
    int world_size() const noexcept override { return host_.world_size(); }
    Memory memory() const noexcept override { return Memory::kDevice; }

    /// Ranks meet on the host; work on the device is not waited for.
    void barrier() override { host_.barrier(); }
    void broadcast(void* data, std::size_t num_bytes, int root) override;
    void all_reduce(void* data, std::size_t count, Element element, Reduction reduction) override;
    std::unique_ptr<PendingCollective> all_reduce_async(void* data, std::size_t count, Element element,
                                                        Reduction reduction) override;
    void all_gather(void const* sent, void* received, std::size_t num_bytes) override;
    void reduce_scatter_sum(void const* sent, void* received, std::size_t count, Element element) override;
    /// @throws Error kTryAgain when NCCL has met an error since.
    void progress() override;

  private:
    template <class Enqueue>
    CudaEventHandle run(char const* call, Enqueue const& enqueue);
    template <class Enqueue>
    void run_in_order(char const* call, Enqueue const& enqueue);
    void wait_until_ready(char const* call);
    void finalize();

    Communicator& host_;
    std::function<cudaStream_t()> current_stream_;
    std::chrono::seconds deadline_;
    int num_exceptions_;  ///< that were passing when this object was made
    CudaStreamHandle stream_;
    NcclCommHandle comm_;  // after the stream that it works on
};

}  // namespace ctclip
