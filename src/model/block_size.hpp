/// Large intermediates are made and used block by block: small enough for the cache of a CPU, large enough to
/// fill a GPU. Results do not depend on the block size beyond the order of float sums.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

namespace ctclip {

/// How many items of `item_bytes` make a block on the device of `tensor`, between 1 and `num_items`.
inline std::int64_t block_size(at::Tensor const& tensor, std::int64_t num_items, std::int64_t item_bytes) {
    std::int64_t const budget_bytes = tensor.is_cpu() ? std::int64_t{12} << 20 : std::int64_t{512} << 20;
    return std::clamp<std::int64_t>(budget_bytes / std::max<std::int64_t>(item_bytes, 1), 1,
                                    std::max<std::int64_t>(num_items, 1));
}

/// Calls body(begin, count) for consecutive blocks that cover [0, num_items).
template <class Body>
void for_each_block(std::int64_t num_items, std::int64_t block, Body const& body) {
    for (std::int64_t begin = 0; begin < num_items; begin += block) {
        body(begin, std::min(block, num_items - begin));
    }
}

}  // namespace ctclip
