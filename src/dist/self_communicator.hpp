/// World size 1 as an ordinary case: every collective is the identity. Reductions and broadcasts touch no
/// memory, so they serve device pointers too; gathers copy host memory.
#pragma once

#include "dist/communicator.hpp"

namespace ctclip {

class SelfCommunicator final : public Communicator {
  public:
    int rank() const noexcept override { return 0; }
    int world_size() const noexcept override { return 1; }
    Memory memory() const noexcept override { return Memory::kHost; }

    void barrier() override {}
    void broadcast(void* data, std::size_t num_bytes, int root) override;
    void all_reduce(void* data, std::size_t count, Element element, Reduction reduction) override;
    std::unique_ptr<PendingCollective> all_reduce_async(void* data, std::size_t count, Element element,
                                                        Reduction reduction) override;
    void all_gather(void const* sent, void* received, std::size_t num_bytes) override;
    void reduce_scatter_sum(void const* sent, void* received, std::size_t count, Element element) override;
    void progress() override {}
};

}  // namespace ctclip
