/// A loader's batch where the model computes.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Event.h>

#include <memory>
#include <vector>

#include "loader/host_batch.hpp"
#include "model/text_encoder.hpp"

namespace ctclip {

/// What the model takes.
struct DeviceBatch {
    at::Tensor volume;  ///< (B, 1, z, x, y)
    TextBatch text;     ///< trimmed to the longest report among the rows
};

/// Rows [first, first + count) of a batch.
struct RowRange {
    std::int64_t first = 0;
    std::int64_t count = 0;
};

/// A batch that was, or on a GPU is being, copied to its device (batch_uploader.hpp). Stored volumes become
/// the model's input row by row, when they are asked for: the device never holds more of it than what is
/// computed.
class UploadedBatch {
  public:
    /// Shape, labels, studies and so on; valid as long as this object.
    HostBatch const& host() const { return *host_; }

    /// As the model takes them. On a GPU this waits for nothing: work on the current stream begins once the
    /// copies are done. On the CPU the volume may be the host batch's own memory: this object must outlive
    /// all use, the backward pass included.
    DeviceBatch rows(RowRange rows) const;
    /// All of them.
    DeviceBatch rows() const { return rows({0, host_->shape.num_rows}); }

  private:
    friend class BatchUploader;

    void begin_use() const;
    at::Tensor volumes_of(RowRange rows) const;

    std::shared_ptr<HostBatch const> host_;
    at::Device device_ = at::kCPU;
    at::ScalarType volume_type_ = at::kFloat;
    at::Tensor volumes_;              // (B, 1, z, x, y) float32, in the form kModelInput
    std::vector<at::Tensor> stored_;  // of each row in the form kStored: its voxels' bits, int16
    at::Tensor token_ids_;            // (B, T) int64; undefined without tokens
    at::Tensor attention_mask_;
    std::shared_ptr<c10::Event const> copied_;  // null: there was nothing to wait for
};

}  // namespace ctclip
