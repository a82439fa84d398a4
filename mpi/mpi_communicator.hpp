/// Communicator over MPI, for host memory (any MPI-3). Counts above the limit of MPI's int are split. Operations
/// under way advance on a thread of their own (mpi/background_progress.hpp), so that any thread may call.
#pragma once

#include <mpi.h>

#include <cstddef>

#include "base/handle.hpp"
#include "dist/communicator.hpp"
#include "mpi/background_progress.hpp"

namespace ctclip {

struct MpiCommTraits {
    using Raw = MPI_Comm;
    static Raw null() noexcept { return MPI_COMM_NULL; }
    static void close(Raw raw) noexcept;
};
using MpiCommHandle = UniqueHandle<MpiCommTraits>;

class MpiCommunicator final : public Communicator {
  public:
    static constexpr std::size_t kMaxCount = std::size_t{1} << 30;

    /// Collective over `parent`, which it duplicates: messages of two communicators never mix.
    /// @param max_count  elements of one MPI call; tests make it small to exercise the splitting.
    explicit MpiCommunicator(MPI_Comm parent, std::size_t max_count = kMaxCount);

    int rank() const noexcept override { return rank_; }
    int world_size() const noexcept override { return world_size_; }
    Memory memory() const noexcept override { return Memory::kHost; }

    void barrier() override;
    void broadcast(void* data, std::size_t num_bytes, int root) override;
    void all_reduce(void* data, std::size_t count, Element element, Reduction reduction) override;
    std::unique_ptr<PendingCollective> all_reduce_async(void* data, std::size_t count, Element element,
                                                        Reduction reduction) override;
    void all_gather(void const* sent, void* received, std::size_t num_bytes) override;
    void reduce_scatter_sum(void const* sent, void* received, std::size_t count, Element element) override;
    void progress() override;

  private:
    MpiCommHandle comm_;
    BackgroundProgress background_;
    std::size_t max_count_;
    int rank_ = 0;
    int world_size_ = 1;
};

}  // namespace ctclip
