#include "kernels/model_cuda_launch.hpp"
#include "kernels/model_dropout.hpp"

namespace ctclip {
namespace {

template <class Bits>
struct MaskItem {
    DropoutGrid grid;
    DropoutKey key;
    Bits keep_bits;
    Bits* mask;

    __device__ void operator()(std::int64_t i) const {
        mask[i] = dropout_element(grid, key, keep_bits, i / grid.inner, i % grid.inner);
    }
};

template <class Bits>
char const* launch_mask(DropoutGrid const& grid, DropoutKey const& key, std::uint64_t keep_bits, void* mask,
                        cudaStream_t stream) {
    MaskItem<Bits> const item{grid, key, static_cast<Bits>(keep_bits), static_cast<Bits*>(mask)};
    return launch_for_each_item(grid.num_rows() * grid.inner, item, stream);
}

}  // namespace

char const* launch_dropout_mask(DropoutGrid const& grid, DropoutKey const& key, std::uint64_t keep_bits,
                                void* mask, int item_size_bytes, CUstream_st* stream) {
    switch (item_size_bytes) {
        case 2:
            return launch_mask<std::uint16_t>(grid, key, keep_bits, mask, stream);
        case 4:
            return launch_mask<std::uint32_t>(grid, key, keep_bits, mask, stream);
        case 8:
            return launch_mask<std::uint64_t>(grid, key, keep_bits, mask, stream);
        default:
            return "a dropout mask has elements of 2, 4 or 8 bytes";
    }
}

}  // namespace ctclip
