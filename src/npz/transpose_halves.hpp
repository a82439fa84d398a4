/// Transposition of 16-bit matrices: what turns Fortran order into C order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ctclip {

/// out[column * out_stride + row] = in[row * in_stride + column]. Strides in elements; no overlap.
void transpose_halves(std::uint16_t const* in, std::size_t in_stride, std::size_t num_rows,
                      std::size_t num_columns, std::uint16_t* out, std::size_t out_stride);

}  // namespace ctclip
