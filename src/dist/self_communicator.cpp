#include "dist/self_communicator.hpp"

#include <cstring>

#include "base/error.hpp"

namespace ctclip {
namespace {

class NothingPending final : public PendingCollective {
  public:
    void wait() override {}
};

}  // namespace

void SelfCommunicator::broadcast(void*, std::size_t, int root) {
    require(root == 0, ExitCode::kInternal, "broadcast from rank {}, but the only rank is 0", root);
}

void SelfCommunicator::all_reduce(void*, std::size_t, Element element, Reduction reduction) {
    check_reduction(element, reduction);
}

std::unique_ptr<PendingCollective> SelfCommunicator::all_reduce_async(void*, std::size_t, Element element,
                                                                      Reduction reduction) {
    check_reduction(element, reduction);
    return std::make_unique<NothingPending>();
}

void SelfCommunicator::all_gather(void const* sent, void* received, std::size_t num_bytes) {
    if (num_bytes > 0) {
        std::memmove(received, sent, num_bytes);
    }
}

void SelfCommunicator::reduce_scatter_sum(void const* sent, void* received, std::size_t count,
                                          Element element) {
    all_gather(sent, received, count * element_size_bytes(element));
}

}  // namespace ctclip
