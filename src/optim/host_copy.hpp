/// A small result of the device on its way to the host.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Event.h>

#include <memory>

namespace ctclip {

/// Whoever reads it waits for what the device was given before the copy, and not for the next step that it was given
/// since: Tensor::cpu(), called then, would stand in line behind that step.
class HostCopy {
  public:
    HostCopy() = default;
    /// Sends the copy along on the current stream; nothing waits. Where the host's memory is the device's, nothing is
    /// copied.
    explicit HostCopy(at::Tensor const& tensor);

    /// The values, once they are there. @throws c10::Error when the device failed, and for a tensor without values.
    at::Tensor read() const;

  private:
    at::Tensor copy_;
    std::shared_ptr<c10::Event> copied_;  // of a GPU
};

}  // namespace ctclip
