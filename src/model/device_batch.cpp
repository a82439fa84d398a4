#include "model/device_batch.hpp"

#include <algorithm>

namespace ctclip {
namespace {

/// (B, T) int64, the first `num_tokens` columns on the device.
at::Tensor first_columns(std::vector<std::int64_t> const& values, BatchShape const& shape,
                         std::int64_t num_tokens, at::Device device) {
    return at::from_blob(const_cast<std::int64_t*>(values.data()), {shape.num_rows, shape.num_tokens},
                         at::kLong)
        .narrow(1, 0, num_tokens)
        .clone(at::MemoryFormat::Contiguous)
        .to(device);
}

}  // namespace

DeviceBatch to_device(HostBatch const& batch, at::Device device) {
    auto const& [z, x, y] = batch.shape.grid.shape_zxy;
    DeviceBatch moved;
    moved.volume = at::from_blob(const_cast<float*>(batch.volumes.data()), {batch.shape.num_rows, 1, z, x, y},
                                 at::kFloat)
                       .to(device);
    if (batch.shape.num_tokens > 0) {
        std::int64_t const longest = *std::ranges::max_element(batch.token_counts);
        moved.text.ids = first_columns(batch.token_ids, batch.shape, longest, device);
        moved.text.attention_mask = first_columns(batch.attention_mask, batch.shape, longest, device);
    }
    return moved;
}

}  // namespace ctclip
