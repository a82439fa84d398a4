// The fused CPU path, compiled once per instruction set and chosen at run time (Google Highway).
//
// For a tile of neighbouring target columns, row by row:
//   1. the two source rows around the target row, interpolated along y; lanes run along z, as in the stored
//   volume.
//      A source row is shared by neighbouring target rows, so the two newest are kept.
//   2. those two, interpolated along x, and transposed: lanes now run along y, as in the model's input.
//   3. interpolated along z, divided by 1000, written past the caches (nobody reads them soon).
// Every step is the scalar definition in preprocess.hpp, in the same order: bit-equal on every instruction
// set.
#include "kernels/preprocess_cpu.hpp"

#include <array>

#include "base/error.hpp"
#include "base/highway_targets.hpp"
#include "kernels/column_tile.hpp"

// SSE4 has no fused multiply-add; what it would save over the portable baseline is not worth compiling it.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/preprocess_simd.cpp"
#include <hwy/foreach_target.h>

#include "kernels/preprocess_simd.inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace ctclip {
namespace HWY_NAMESPACE {

constexpr std::size_t kCacheLineHalves = 32;

#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR  // no fused multiply-add
Vector fused_product_sum(Vector a, Vector b, Vector c) {
    Floats const d;
    alignas(64) std::array<float, kLine> lanes_a, lanes_b, lanes_c;
    hn::Store(a, d, lanes_a.data());
    hn::Store(b, d, lanes_b.data());
    hn::Store(c, d, lanes_c.data());
    for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) {
        lanes_a[lane] = ctclip::fused_product_sum(lanes_a[lane], lanes_b[lane], lanes_c[lane]);
    }
    return hn::Load(d, lanes_a.data());
}
#else
HWY_INLINE Vector fused_product_sum(Vector a, Vector b, Vector c) {
    return hn::MulAdd(a, b, c);
}
#endif

HWY_INLINE Vector interpolate(Vector a, Vector b, Vector lower_weight, Vector upper_weight) {
    return fused_product_sum(a, lower_weight, hn::Mul(b, upper_weight));
}

/// NaN stays NaN: comparisons with it are false.
HWY_INLINE Vector clip_hu(Vector value) {
    Floats const d;
    Vector const low = hn::Set(d, -kClipHu);
    Vector const high = hn::Set(d, kClipHu);
    value = hn::IfThenElse(hn::Lt(value, low), low, value);
    return hn::IfThenElse(hn::Gt(value, high), high, value);
}

#if HWY_TARGET == HWY_SCALAR
/// block(column, lane) gives slice `lane` of a column of the tile; writes 16 rows, one per slice.
template <class Block>
void transpose_to_rows(Block const& block, TileRow* rows) {
    for (std::size_t lane = 0; lane < kLine; ++lane) {
        for (std::size_t column = 0; column < kColumns; ++column) {
            hn::Store(block(column, lane), Floats(), rows[lane].voxels + column);
        }
    }
}
#else
/// 4 x 4 transposition within each 128-bit block: afterwards vector k holds, block by block, lane 4 b + k of
/// all four.
HWY_INLINE void transpose_blocks(Vector& v0, Vector& v1, Vector& v2, Vector& v3) {
    Floats const d;
    hn::Repartition<double, Floats> const d64;
    Vector const low01 = hn::InterleaveLower(d, v0, v1);
    Vector const high01 = hn::InterleaveUpper(d, v0, v1);
    Vector const low23 = hn::InterleaveLower(d, v2, v3);
    Vector const high23 = hn::InterleaveUpper(d, v2, v3);
    auto const lower = [&](Vector a, Vector b) {
        return hn::BitCast(d, hn::InterleaveLower(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
    };
    auto const upper = [&](Vector a, Vector b) {
        return hn::BitCast(d, hn::InterleaveUpper(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
    };
    v0 = lower(low01, low23);
    v1 = upper(low01, low23);
    v2 = lower(high01, high23);
    v3 = upper(high01, high23);
}

/// block(column, lane) gives lanes [lane, lane + Lanes) along z of a column of the tile; writes 16 rows, one
/// per slice.
template <class Block>
HWY_INLINE void transpose_to_rows(Block const& block, TileRow* rows) {
    Floats const d;
    for (std::size_t lane = 0; lane < kLine; lane += hn::Lanes(d)) {
        for (std::size_t column = 0; column < kColumns; column += 4) {
            Vector v0 = block(column, lane);
            Vector v1 = block(column + 1, lane);
            Vector v2 = block(column + 2, lane);
            Vector v3 = block(column + 3, lane);
            transpose_blocks(v0, v1, v2, v3);
            store_blocks(d, v0, rows + lane, column);
            store_blocks(d, v1, rows + lane + 1, column);
            store_blocks(d, v2, rows + lane + 2, column);
            store_blocks(d, v3, rows + lane + 3, column);
        }
    }
}
#endif

/// Asks for a region of the stored volume in equal steps while another is worked on: a tile reads its columns
/// in strides, which the processor's own prefetcher does not follow.
class RegionPrefetch {
  public:
    RegionPrefetch(std::span<std::uint16_t const> region, std::size_t num_steps)
        : rest_(region), step_((region.size() + num_steps - 1) / num_steps) {}

    HWY_INLINE void step() {
        std::size_t const size = std::min(step_, rest_.size());
        for (std::size_t index = 0; index < size; index += kCacheLineHalves) {
            hwy::Prefetch(rest_.data() + index);
        }
        rest_ = rest_.subspan(size);
    }

  private:
    std::span<std::uint16_t const> rest_;
    std::size_t step_;
};

/// One volume on its way to the model's input.
class VolumePass {
  public:
    VolumePass(PreprocessRecipe const& recipe, std::span<std::uint16_t const> raw_xyz,
               std::span<float> input_zxy, PreprocessScratch& scratch)
        : recipe_(recipe),
          raw_(raw_xyz),
          input_(input_zxy),
          writer_(input_zxy, recipe.geometry.y.num_target),
          taps_x_(kept_taps(recipe.geometry.x)),
          taps_z_(kept_taps(recipe.geometry.z)),
          num_blocks_((static_cast<std::size_t>(recipe.geometry.z.num_source) + kLine - 1) / kLine) {
        scratch.rows.resize(2 * num_blocks_ * kColumns);
        scratch.columns.resize(num_blocks_ * kLine);
        rows_ = scratch.rows.data();
        columns_ = scratch.columns.data();
    }

    void run() {
        fill_padding_slices_and_rows();
        for (ColumnTile const& tile : column_tiles(recipe_.geometry.y)) {
            if (tile.is_all_padding()) {
                fill_tile(tile);
            } else if (recipe_.order == ClipOrder::kClipThenResize) {
                run_tile<ClipOrder::kClipThenResize>(tile);
            } else {
                run_tile<ClipOrder::kResizeThenClip>(tile);
            }
        }
        hwy::FlushStream();
    }

  private:
    float* row_of(std::int32_t z, std::int32_t x, ColumnTile const& tile) const {
        VolumeGeometry const& geometry = recipe_.geometry;
        return input_.data() + (std::int64_t{z} * geometry.x.num_target + x) * geometry.y.num_target +
               tile.first_column;
    }

    template <ClipOrder order>
    void run_tile(ColumnTile const& tile) {
        std::array<std::int32_t, 2> row_in_slot{-1, -1};
        std::int32_t x = recipe_.geometry.x.pad_before;
        for (Taps const& taps : taps_x_) {
            for (std::int32_t const source_x : {taps.lower, taps.upper}) {
                auto const slot = static_cast<std::size_t>(source_x & 1);
                if (row_in_slot[slot] != source_x) {
                    interpolate_along_y<order>(tile, source_x, slot_rows(source_x));
                    row_in_slot[slot] = source_x;
                }
            }
            interpolate_along_x(slot_rows(taps.lower), slot_rows(taps.upper), taps.upper_weight);
            interpolate_along_z<order>(tile, x++);
        }
    }

    VoxelLine* slot_rows(std::int32_t source_x) const {
        return rows_ + static_cast<std::size_t>(source_x & 1) * num_blocks_ * kColumns;
    }

    RegionPrefetch prefetch_of_row(ColumnTile const& tile, std::int32_t source_x) const {
        VolumeGeometry const& geometry = recipe_.geometry;
        if (source_x >= geometry.x.num_source) {
            return RegionPrefetch({}, 1);
        }
        std::int64_t const first = tile.sources[0];
        std::int64_t const last = tile.sources[static_cast<std::size_t>(tile.num_sources) - 1];
        std::int64_t const offset =
            (std::int64_t{source_x} * geometry.y.num_source + first) * geometry.z.num_source;
        return RegionPrefetch(
            raw_.subspan(static_cast<std::size_t>(offset),
                         static_cast<std::size_t>((last - first + 1) * geometry.z.num_source)),
            num_blocks_);
    }

    /// rows[block * kColumns + column].voxels[lane]: slice block * 16 + lane of a target column.
    template <ClipOrder order>
    void interpolate_along_y(ColumnTile const& tile, std::int32_t source_x, VoxelLine* rows) const {
        Floats const d;
        Vector const slope = hn::Set(d, recipe_.rescale_slope);
        Vector const intercept = hn::Set(d, recipe_.rescale_intercept);
        VolumeGeometry const& geometry = recipe_.geometry;
        std::array<VoxelLine, 2 * kColumns> hu;
        std::array<std::uint16_t, kLine> tail;
        RegionPrefetch next_row = prefetch_of_row(tile, source_x + 1);
        for (std::size_t block = 0; block < num_blocks_; ++block) {
            next_row.step();
            for (std::size_t source = 0; source < static_cast<std::size_t>(tile.num_sources); ++source) {
                std::int64_t const column =
                    std::int64_t{source_x} * geometry.y.num_source + tile.sources[source];
                auto const offset = static_cast<std::size_t>(column * geometry.z.num_source) + block * kLine;
                std::uint16_t const* const halves = block_of_column(raw_, offset, tail);
                for (std::size_t lane = 0; lane < kLine; lane += hn::Lanes(d)) {
                    Vector value = hn::Add(hn::Mul(widen(halves + lane), slope), intercept);
                    if constexpr (order == ClipOrder::kClipThenResize) {
                        value = clip_hu(value);
                    }
                    hn::Store(value, d, hu[source].voxels + lane);
                }
            }
            for (std::size_t column = 0; column < kColumns; ++column) {
                Vector const upper_weight = hn::Set(d, tile.upper_weight[column]);
                Vector const lower_weight = hn::Sub(hn::Set(d, 1.0F), upper_weight);
                VoxelLine const& lower = hu[tile.lower[column]];
                VoxelLine const& upper = hu[tile.upper[column]];
                VoxelLine& row = rows[block * kColumns + column];
                for (std::size_t lane = 0; lane < kLine; lane += hn::Lanes(d)) {
                    hn::Store(interpolate(hn::Load(d, lower.voxels + lane), hn::Load(d, upper.voxels + lane),
                                          lower_weight, upper_weight),
                              d, row.voxels + lane);
                }
            }
        }
    }

    /// columns_[z].voxels[lane]: slice z of target column `lane`.
    void interpolate_along_x(VoxelLine const* lower, VoxelLine const* upper, float weight) const {
        Floats const d;
        Vector const upper_weight = hn::Set(d, weight);
        Vector const lower_weight = hn::Sub(hn::Set(d, 1.0F), upper_weight);
        for (std::size_t block = 0; block < num_blocks_; ++block) {
            VoxelLine const* const lower_block = lower + block * kColumns;
            VoxelLine const* const upper_block = upper + block * kColumns;
            transpose_to_rows(
                [&](std::size_t column, std::size_t lane) HWY_ATTR {
                    return interpolate(hn::Load(d, lower_block[column].voxels + lane),
                                       hn::Load(d, upper_block[column].voxels + lane), lower_weight,
                                       upper_weight);
                },
                columns_ + block * kLine);
        }
    }

    template <ClipOrder order>
    void interpolate_along_z(ColumnTile const& tile, std::int32_t x) const {
        Floats const d;
        Vector const thousand = hn::Set(d, 1000.0F);
        TileRow padding_mask;
        for (std::size_t lane = 0; lane < kColumns; ++lane) {
            padding_mask.voxels[lane] = (tile.padding_lanes >> lane & 1U) != 0 ? 1.0F : 0.0F;
        }
        std::int32_t z = recipe_.geometry.z.pad_before;
        for (Taps const& taps : taps_z_) {
            TileRow const& lower = columns_[taps.lower];
            TileRow const& upper = columns_[taps.upper];
            Vector const upper_weight = hn::Set(d, taps.upper_weight);
            Vector const lower_weight = hn::Sub(hn::Set(d, 1.0F), upper_weight);
            writer_.write(
                [&](std::size_t lane) HWY_ATTR {
                    Vector value = interpolate(hn::Load(d, lower.voxels + lane),
                                               hn::Load(d, upper.voxels + lane), lower_weight, upper_weight);
                    if constexpr (order == ClipOrder::kResizeThenClip) {
                        value = clip_hu(value);
                    }
                    value = with_canonical_nan(hn::Div(value, thousand));
                    auto const is_padding = hn::Gt(hn::Load(d, padding_mask.voxels + lane), hn::Zero(d));
                    return hn::IfThenElse(is_padding, hn::Set(d, kPaddingValue), value);
                },
                row_of(z++, x, tile), static_cast<std::size_t>(tile.num_lanes));
        }
    }

    void fill_padding_slices_and_rows() const {
        VolumeGeometry const& geometry = recipe_.geometry;
        std::int64_t const row = geometry.y.num_target;
        for (std::int32_t z = 0; z < geometry.z.num_target; ++z) {
            float* const slice = input_.data() + std::int64_t{z} * geometry.x.num_target * row;
            if (geometry.z.is_padding(z)) {
                std::fill_n(slice, geometry.x.num_target * row, kPaddingValue);
                continue;
            }
            std::int32_t const after = geometry.x.pad_before + geometry.x.num_kept;
            std::fill_n(slice, geometry.x.pad_before * row, kPaddingValue);
            std::fill_n(slice + after * row, (geometry.x.num_target - after) * row, kPaddingValue);
        }
    }

    void fill_tile(ColumnTile const& tile) const {
        Vector const padding = hn::Set(Floats(), kPaddingValue);
        for (std::int32_t z = 0; z < recipe_.geometry.z.num_target; ++z) {
            for (std::int32_t x = 0; x < recipe_.geometry.x.num_target; ++x) {
                writer_.write([&](std::size_t) HWY_ATTR { return padding; }, row_of(z, x, tile),
                              static_cast<std::size_t>(tile.num_lanes));
            }
        }
    }

    PreprocessRecipe const& recipe_;
    std::span<std::uint16_t const> raw_;
    std::span<float> input_;
    RowWriter writer_;
    std::vector<Taps> taps_x_;
    std::vector<Taps> taps_z_;
    std::size_t num_blocks_;  // of 16 source slices
    VoxelLine* rows_ = nullptr;
    TileRow* columns_ = nullptr;
};

void preprocess_volume(PreprocessRecipe const& recipe, std::span<std::uint16_t const> raw_xyz,
                       std::span<float> input_zxy, PreprocessScratch& scratch) {
    VolumePass(recipe, raw_xyz, input_zxy, scratch).run();
}

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ctclip {

HWY_EXPORT(preprocess_volume);

void preprocess(PreprocessRecipe const& recipe, std::span<std::uint16_t const> raw_xyz,
                std::span<float> input_zxy, PreprocessScratch& scratch) {
    CTCLIP_EXPECT(static_cast<std::int64_t>(raw_xyz.size()) == recipe.geometry.num_source_voxels());
    CTCLIP_EXPECT(static_cast<std::int64_t>(input_zxy.size()) == recipe.geometry.num_target_voxels());
    HWY_DYNAMIC_DISPATCH(preprocess_volume)(recipe, raw_xyz, input_zxy, scratch);
}

std::string_view preprocess_instruction_set() {
    std::int64_t const usable = HWY_TARGETS & hwy::SupportedTargets();
    return hwy::TargetName(usable & -usable);  // the lowest bit is the best
}

}  // namespace ctclip
#endif  // HWY_ONCE
