#include "model/device_batch.hpp"

#include <algorithm>

namespace ctclip {
namespace {

/// Rows of (B, T) int64, the first `num_tokens` columns, on the device.
at::Tensor first_columns(std::vector<std::int64_t> const& values, BatchShape const& shape, RowRange rows,
                         std::int64_t num_tokens, at::Device device) {
    return at::from_blob(const_cast<std::int64_t*>(values.data()), {shape.num_rows, shape.num_tokens},
                         at::kLong)
        .narrow(0, rows.first, rows.count)
        .narrow(1, 0, num_tokens)
        .clone(at::MemoryFormat::Contiguous)
        .to(device);
}

}  // namespace

DeviceBatch to_device(HostBatch const& batch, at::Device device, RowRange rows) {
    auto const& [z, x, y] = batch.shape.grid.shape_zxy;
    DeviceBatch moved;
    moved.volume = at::from_blob(const_cast<float*>(batch.volumes.data()), {batch.shape.num_rows, 1, z, x, y},
                                 at::kFloat)
                       .narrow(0, rows.first, rows.count)
                       .to(device);
    if (batch.shape.num_tokens > 0) {
        auto const first_count = batch.token_counts.begin() + rows.first;
        std::int64_t const longest = *std::max_element(first_count, first_count + rows.count);
        moved.text.ids = first_columns(batch.token_ids, batch.shape, rows, longest, device);
        moved.text.attention_mask = first_columns(batch.attention_mask, batch.shape, rows, longest, device);
    }
    return moved;
}

DeviceBatch to_device(HostBatch const& batch, at::Device device) {
    return to_device(batch, device, {0, batch.shape.num_rows});
}

}  // namespace ctclip
