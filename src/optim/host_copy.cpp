#include "optim/host_copy.hpp"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace ctclip {

HostCopy::HostCopy(at::Tensor const& tensor) : copy_(tensor) {
    if (!tensor.is_cuda()) {
        return;
    }
    at::Device const device = tensor.device();
    copy_ = at::empty(tensor.sizes(), tensor.options().device(at::kCPU).pinned_memory(true));
    copy_.copy_(tensor, /*non_blocking=*/true);
    copied_ = std::make_shared<c10::Event>(device.type());
    copied_->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
}

at::Tensor HostCopy::read() const {
    if (copied_ != nullptr) {
        copied_->synchronize();
    }
    return copy_.cpu();
}

}  // namespace ctclip
