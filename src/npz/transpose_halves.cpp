#include "npz/transpose_halves.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ctclip {

namespace {

constexpr std::size_t kTile = 8;

void transpose_each(std::uint16_t const* in, std::size_t in_stride, std::size_t num_rows,
                    std::size_t num_columns, std::uint16_t* out, std::size_t out_stride) {
    for (std::size_t column = 0; column < num_columns; ++column) {
        for (std::size_t row = 0; row < num_rows; ++row) {
            out[column * out_stride + row] = in[row * in_stride + column];
        }
    }
}

#if defined(__SSE2__)
// 8x8 in registers: three rounds, each of which interleaves row i with row i + 4.
void transpose_tile(std::uint16_t const* in, std::size_t in_stride, std::uint16_t* out,
                    std::size_t out_stride) {
    __m128i rows[kTile];
    for (std::size_t i = 0; i < kTile; ++i) {
        rows[i] = _mm_loadu_si128(reinterpret_cast<__m128i const*>(in + i * in_stride));
    }
    for (int round = 0; round < 3; ++round) {
        __m128i next[kTile];
        for (std::size_t i = 0; i < kTile / 2; ++i) {
            next[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
            next[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
        }
        for (std::size_t i = 0; i < kTile; ++i) {
            rows[i] = next[i];
        }
    }
    for (std::size_t i = 0; i < kTile; ++i) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * out_stride), rows[i]);
    }
}
#else
void transpose_tile(std::uint16_t const* in, std::size_t in_stride, std::uint16_t* out,
                    std::size_t out_stride) {
    transpose_each(in, in_stride, kTile, kTile, out, out_stride);
}
#endif

}  // namespace

void transpose_halves(std::uint16_t const* in, std::size_t in_stride, std::size_t num_rows,
                      std::size_t num_columns, std::uint16_t* out, std::size_t out_stride) {
    std::size_t const whole_rows = num_rows / kTile * kTile;
    std::size_t const whole_columns = num_columns / kTile * kTile;
    for (std::size_t column = 0; column < whole_columns; column += kTile) {
        for (std::size_t row = 0; row < whole_rows; row += kTile) {
            transpose_tile(in + row * in_stride + column, in_stride, out + column * out_stride + row,
                           out_stride);
        }
    }
    transpose_each(in + whole_rows * in_stride, in_stride, num_rows - whole_rows, whole_columns,
                   out + whole_rows, out_stride);
    transpose_each(in + whole_columns, in_stride, num_rows, num_columns - whole_columns,
                   out + whole_columns * out_stride, out_stride);
}

}  // namespace ctclip
