/// From a loader's memory to the device of the model.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <memory>
#include <optional>

#include "loader/batch_loader.hpp"
#include "model/device_batch.hpp"

namespace ctclip {

/// A batch that no loader has lent, as a lease: nobody gets it back. It must outlive all use.
BatchLease borrowed(HostBatch const& batch);

/// On a GPU: copies run on a stream of their own beside the computation (at the full rate from page-locked
/// memory), and a batch goes back to its loader when its copy is known to be done: at the next upload, or at
/// the end. Elsewhere: nothing is copied, and a batch goes back with its UploadedBatch.
class BatchUploader {
  public:
    /// @param volume_type  element type of the model's input: float32, float16 or bfloat16.
    explicit BatchUploader(at::Device device, at::ScalarType volume_type = at::kFloat);
    BatchUploader(BatchUploader const&) = delete;
    BatchUploader& operator=(BatchUploader const&) = delete;
    /// Waits for copies under way.
    ~BatchUploader();

    /// Takes the batch over, in either form. On a GPU it returns while the copies run, and keeps one batch on
    /// its way: it first waits for the one before. @throws c10::Error when the device fails.
    UploadedBatch upload(BatchLease batch);

  private:
    at::Tensor copied(at::Tensor const& host) const;
    at::Tensor copied_tokens(std::vector<std::int64_t> const& tokens, BatchShape const& shape) const;
    void finish_copy();

    at::Device device_;
    at::ScalarType volume_type_;
    std::optional<c10::Stream> copy_stream_;  // of a GPU
    std::shared_ptr<HostBatch const> under_way_;
    std::shared_ptr<c10::Event> copied_;  // of under_way_
};

}  // namespace ctclip
