/// A loader's batch as the model takes it.
#pragma once

#include <ATen/ATen.h>

#include "loader/host_batch.hpp"
#include "model/text_encoder.hpp"

namespace ctclip {

struct DeviceBatch {
    at::Tensor volume;  ///< (B, 1, z, x, y) float32
    TextBatch text;     ///< trimmed to the longest report among the rows
};

/// Rows [first, first + count) of a batch.
struct RowRange {
    std::int64_t first = 0;
    std::int64_t count = 0;
};

/// On the CPU the volume is the host batch's own memory: it must outlive all use, the backward pass included.
DeviceBatch to_device(HostBatch const& batch, at::Device device, RowRange rows);
/// All rows.
DeviceBatch to_device(HostBatch const& batch, at::Device device);

}  // namespace ctclip
