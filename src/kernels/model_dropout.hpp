/// Dropout without a stored mask and without generator state: whether an element is kept is a pure function
/// of (seed, sample, position in the sample), so a backward pass, a resumed run and any division of samples
/// over ranks see the same mask.
#pragma once

#include <cstdint>

#include "base/splitmix64.hpp"
#include "kernels/host_device.hpp"

struct CUstream_st;

namespace ctclip {

/// An array (samples, outer, middle, inner). The strides of `position` do not depend on how far a batch was
/// trimmed: position = outer * outer_stride + middle * middle_stride + inner.
struct DropoutGrid {
    std::int64_t samples = 0;
    std::int64_t outer = 0;
    std::int64_t middle = 0;
    std::int64_t inner = 0;
    std::int64_t outer_stride = 0;
    std::int64_t middle_stride = 0;

    CTCLIP_HOST_DEVICE std::int64_t num_rows() const { return samples * outer * middle; }
};

struct DropoutKey {
    std::uint64_t seed = 0;
    std::int64_t first_sample = 0;  ///< index of the array's first sample in the global batch
    double drop_probability = 0.0;  ///< in [0, 1)
};

/// An element is kept when its 32 random bits are at least this.
CTCLIP_HOST_DEVICE inline std::uint64_t keep_threshold(DropoutKey const& key) {
    return static_cast<std::uint64_t>(key.drop_probability * 4294967296.0);
}

/// mask[element] = keep_bits or 0, for the `inner` elements of one row. Bits is an unsigned integer as wide
/// as the mask's element type; keep_bits is the pattern of 1 / (1 - drop_probability) in it.
template <class Bits>
CTCLIP_HOST_DEVICE inline Bits dropout_element(DropoutGrid const& grid, DropoutKey const& key, Bits keep_bits,
                                               std::int64_t row, std::int64_t inner) {
    std::int64_t const middle = row % grid.middle;
    std::int64_t const outer = row / grid.middle % grid.outer;
    std::int64_t const sample = row / (grid.middle * grid.outer);
    std::uint64_t const sample_seed =
        splitmix64(key.seed, static_cast<std::uint64_t>(key.first_sample + sample));
    std::int64_t const position = outer * grid.outer_stride + middle * grid.middle_stride + inner;
    std::uint64_t const bits = splitmix64(sample_seed, static_cast<std::uint64_t>(position)) >> 32;
    return bits >= keep_threshold(key) ? keep_bits : Bits(0);
}

/// Rows [row_begin, row_end) of the mask. `item_size_bytes` is 2, 4 or 8.
void fill_dropout_mask(DropoutGrid const& grid, DropoutKey const& key, std::uint64_t keep_bits, void* mask,
                       int item_size_bytes, std::int64_t row_begin, std::int64_t row_end);

#if defined(CTCLIP_CUDA)
/// The same on a GPU, the whole mask; returns at once. @returns null, or why the kernel could not be started.
char const* launch_dropout_mask(DropoutGrid const& grid, DropoutKey const& key, std::uint64_t keep_bits,
                                void* mask, int item_size_bytes, CUstream_st* stream);
#endif

}  // namespace ctclip
