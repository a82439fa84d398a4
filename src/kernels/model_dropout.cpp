#include "kernels/model_dropout.hpp"

#include "base/error.hpp"
#include "kernels/model_cpu_clones.hpp"

namespace ctclip {
namespace {

template <class Bits>
CTCLIP_CPU_CLONES void fill_rows(DropoutGrid const& grid, DropoutKey const& key, Bits keep_bits, Bits* mask,
                                 std::int64_t row_begin, std::int64_t row_end) {
    for (std::int64_t row = row_begin; row < row_end; ++row) {
        for (std::int64_t inner = 0; inner < grid.inner; ++inner) {
            mask[row * grid.inner + inner] = dropout_element(grid, key, keep_bits, row, inner);
        }
    }
}

}  // namespace

void fill_dropout_mask(DropoutGrid const& grid, DropoutKey const& key, std::uint64_t keep_bits, void* mask,
                       int item_size_bytes, std::int64_t row_begin, std::int64_t row_end) {
    switch (item_size_bytes) {
        case 2:
            return fill_rows(grid, key, static_cast<std::uint16_t>(keep_bits),
                             static_cast<std::uint16_t*>(mask), row_begin, row_end);
        case 4:
            return fill_rows(grid, key, static_cast<std::uint32_t>(keep_bits),
                             static_cast<std::uint32_t*>(mask), row_begin, row_end);
        case 8:
            return fill_rows(grid, key, keep_bits, static_cast<std::uint64_t*>(mask), row_begin, row_end);
        default:
            fail(ExitCode::kInternal, "a dropout mask of {} bytes an element does not exist",
                 item_size_bytes);
    }
}

}  // namespace ctclip
