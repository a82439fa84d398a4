// Preprocessed volumes to the model's input, compiled once per instruction set and chosen at run time (Google Highway).
//
// Tile by tile, as many slices at a time as a vector holds, columns are transposed in registers, still as halves; the
// rows of a tile are widened on their way past the caches, in whole lines.
#include "kernels/preprocess_cpu.hpp"

#include "base/error.hpp"
#include "base/highway_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/preprocess_widen.cpp"
#include <hwy/foreach_target.h>

#include "kernels/preprocess_simd.inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace ctclip {
namespace HWY_NAMESPACE {

using Halves = hn::CappedTag<std::uint16_t, 32>;
constexpr std::size_t kSlices = hn::MaxLanes(Halves());  // that are transposed at once

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void transpose_to_rows(std::array<std::uint16_t const*, 8> const& columns, StoredTileRow* rows,
                                  std::size_t first_column) {
    for (std::size_t column = 0; column < columns.size(); ++column) {
        rows->voxels[first_column + column] = *columns[column];
    }
}
#else
/// kSlices slices of 8 columns become 8 columns of kSlices rows. Each pass interleaves the first four vectors with the
/// last four; in terms of the six bits that say (vector, lane of its 128-bit block) it rotates them by one. After
/// three, vector and lane have changed places.
HWY_INLINE void transpose_to_rows(std::array<std::uint16_t const*, 8> const& columns, StoredTileRow* rows,
                                  std::size_t first_column) {
    Halves const d;
    std::array<hn::Vec<Halves>, 8> vectors;
    for (std::size_t i = 0; i < 8; ++i) {
        vectors[i] = hn::LoadU(d, columns[i]);
    }
    for (int pass = 0; pass < 3; ++pass) {
        auto const before = vectors;
        for (std::size_t i = 0; i < 4; ++i) {
            vectors[2 * i] = hn::InterleaveLower(d, before[i], before[i + 4]);
            vectors[2 * i + 1] = hn::InterleaveUpper(d, before[i], before[i + 4]);
        }
    }
    for (std::size_t i = 0; i < 8; ++i) {
        store_blocks(d, vectors[i], rows + i, first_column);
    }
}
#endif

void widen_tiles(std::span<std::int64_t const> shape_xyz, std::int64_t x, std::span<std::uint16_t const> plane_yz,
                 std::span<float> input_zxy, PreprocessScratch& scratch) {
    auto const num_x = static_cast<std::size_t>(shape_xyz[0]);
    auto const num_y = static_cast<std::size_t>(shape_xyz[1]);
    auto const num_z = static_cast<std::size_t>(shape_xyz[2]);
    RowWriter const writer(input_zxy, shape_xyz[1]);
    scratch.stored_rows.resize(num_z + kSlices);
    StoredTileRow* const rows = scratch.stored_rows.data();
    std::array<std::array<std::uint16_t, kSlices>, 8> tails;
    std::array<std::uint16_t const*, 8> columns;
    for (std::size_t y = 0; y < num_y; y += kColumns) {
        for (std::size_t z = 0; z < num_z; z += kSlices) {
            for (std::size_t first_column = 0; first_column < kColumns; first_column += 8) {
                for (std::size_t column = 0; column < 8; ++column) {
                    std::size_t const source_y = std::min(y + first_column + column, num_y - 1);
                    columns[column] = block_of_column(plane_yz, source_y * num_z + z, tails[column]);
                }
                transpose_to_rows(columns, rows + z, first_column);
            }
        }
        for (std::size_t z = 0; z < num_z; ++z) {
            writer.write([&](std::size_t lane) HWY_ATTR { return with_canonical_nan(widen(rows[z].voxels + lane)); },
                         input_zxy.data() + (z * num_x + static_cast<std::size_t>(x)) * num_y + y,
                         std::min(kColumns, num_y - y));
        }
    }
    hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ctclip {

HWY_EXPORT(widen_tiles);

void widen_plane(std::span<std::int64_t const> shape_xyz, std::int64_t x, std::span<std::uint16_t const> plane_yz,
                 std::span<float> input_zxy, PreprocessScratch& scratch) {
    CTCLIP_EXPECT(std::ssize(plane_yz) == shape_xyz[1] * shape_xyz[2]);
    CTCLIP_EXPECT(std::ssize(input_zxy) == shape_xyz[0] * std::ssize(plane_yz));
    HWY_DYNAMIC_DISPATCH(widen_tiles)(shape_xyz, x, plane_yz, input_zxy, scratch);
}

}  // namespace ctclip
#endif  // HWY_ONCE
