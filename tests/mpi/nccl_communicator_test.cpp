// With a GPU for every rank: what NCCL computes. Without: that its absence is said, not crashed on.
#include "mpi/nccl_communicator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.hpp"
#include "mpi/cuda_check.hpp"
#include "mpi/device_placement.hpp"
#include "mpi/mpi_communicator.hpp"

namespace ctclip {
namespace {

using testing::Each;
using testing::ElementsAre;

struct DeviceMemoryTraits {
    using Raw = void*;
    static Raw null() noexcept { return nullptr; }
    static void close(Raw raw) noexcept { cudaFree(raw); }
};

/// Values in device memory; copies are ordered with the stream of the computation.
template <class T>
class DeviceArray {
  public:
    DeviceArray(std::vector<T> const& values, cudaStream_t stream) : count_(values.size()), stream_(stream) {
        void* memory = nullptr;
        cuda_check(cudaMalloc(&memory, count_ * sizeof(T)), "cudaMalloc");
        memory_.reset(memory);
        copy(memory, values.data(), cudaMemcpyHostToDevice);
    }

    void* data() const { return memory_.get(); }
    std::vector<T> values() const {
        std::vector<T> values(count_);
        copy(values.data(), memory_.get(), cudaMemcpyDeviceToHost);
        return values;
    }

  private:
    void copy(void* to, void const* from, cudaMemcpyKind kind) const {
        cuda_check(cudaMemcpyAsync(to, from, count_ * sizeof(T), kind, stream_), "cudaMemcpyAsync");
        cuda_check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    }

    std::size_t count_;
    cudaStream_t stream_;
    UniqueHandle<DeviceMemoryTraits> memory_;
};

TEST(NcclCommunicator, SaysWhatToDoWhereThereIsNoGpu) {
    if (!visible_gpus().empty()) {
        GTEST_SKIP() << "this host has a GPU";
    }
    MpiCommunicator host(MPI_COMM_WORLD);
    EXPECT_THAT([&] { NcclCommunicator(host, [] { return cudaStream_t{}; }); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("nvidia-smi")));
}

TEST(NcclCommunicator, ReducesAndGathersOverDevices) {
    MpiCommunicator host(MPI_COMM_WORLD);
    std::vector<GpuInfo> const gpus = visible_gpus();
    if (static_cast<int>(gpus.size()) < host.world_size()) {
        GTEST_SKIP() << gpus.size() << " GPUs for " << host.world_size() << " ranks";
    }
    place_rank(host, gpus, {.local_rank = host.rank()});
    cudaStream_t stream = nullptr;
    cuda_check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    CudaStreamHandle const owner(stream);
    NcclCommunicator comm(host, [stream] { return stream; });
    auto const num_ranks = static_cast<std::size_t>(comm.world_size());
    auto const rank = static_cast<float>(comm.rank());

    DeviceArray<float> const average(std::vector<float>(1000, rank), stream);
    DeviceArray<double> const sum(std::vector<double>(10, 1.0), stream);
    DeviceArray<std::int64_t> const maximum({comm.rank()}, stream);
    DeviceArray<float> const part({rank, rank + 0.5F}, stream);
    DeviceArray<float> const gathered(std::vector<float>(2 * num_ranks, -1.0F), stream);
    DeviceArray<float> const whole(std::vector<float>(num_ranks, 2.0F), stream);
    DeviceArray<float> const scattered({-1.0F}, stream);
    DeviceArray<float> const root_value({rank + 7.0F}, stream);

    auto const pending = comm.all_reduce_async(average.data(), 1000, Element::kF32, Reduction::kAverage);
    comm.all_reduce(sum.data(), 10, Element::kF64, Reduction::kSum);
    comm.all_reduce(maximum.data(), 1, Element::kI64, Reduction::kMax);
    comm.all_gather(part.data(), gathered.data(), 2 * sizeof(float));
    comm.reduce_scatter_sum(whole.data(), scattered.data(), 1, Element::kF32);
    comm.broadcast(root_value.data(), sizeof(float), 0);
    comm.progress();
    pending->wait();

    EXPECT_THAT(average.values(), Each(static_cast<float>(num_ranks - 1) / 2.0F));
    EXPECT_THAT(sum.values(), Each(static_cast<double>(num_ranks)));
    EXPECT_THAT(maximum.values(), ElementsAre(comm.world_size() - 1));
    EXPECT_EQ(gathered.values().back(), static_cast<float>(num_ranks - 1) + 0.5F);
    EXPECT_THAT(scattered.values(), ElementsAre(2.0F * static_cast<float>(num_ranks)));
    EXPECT_THAT(root_value.values(), ElementsAre(7.0F));
}

}  // namespace
}  // namespace ctclip
