// What both CPU paths to the model's input share, compiled once per instruction set: widening, and writing whole
// cache lines. Included again by Google Highway for each of them, hence no #pragma once.
#if defined(CTCLIP_PREPROCESS_SIMD_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef CTCLIP_PREPROCESS_SIMD_INL_HPP
#undef CTCLIP_PREPROCESS_SIMD_INL_HPP
#else
#define CTCLIP_PREPROCESS_SIMD_INL_HPP
#endif

#include <algorithm>
#include <array>
#include <cstring>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/preprocess_cpu.hpp"

HWY_BEFORE_NAMESPACE();
namespace ctclip {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;

constexpr std::size_t kLine = 16;  // voxels in a VoxelLine, and slices in a block along z
constexpr std::size_t kColumns = kTileColumns;

#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR  // without instructions for fp16
HWY_INLINE Vector widen(std::uint16_t const* halves) {
    Floats const d;
    alignas(64) std::array<float, kLine> lanes;
    std::transform(halves, halves + hn::Lanes(d), lanes.begin(), half_to_float);
    return hn::Load(d, lanes.data());
}
#else
HWY_INLINE Vector widen(std::uint16_t const* halves) {
    Floats const d;
    hn::Rebind<hwy::float16_t, Floats> const half_tag;
    return hn::PromoteTo(d, hn::LoadU(half_tag, reinterpret_cast<hwy::float16_t const*>(halves)));
}
#endif

HWY_INLINE Vector with_canonical_nan(Vector value) {
    return hn::IfThenElse(hn::IsNaN(value), hn::Set(Floats(), half_to_float(kHalfNan)), value);
}

/// The `size` slices from some z on of one source column. Beyond the column's end they belong to the next one and
/// are never used; beyond the volume's end nothing may be read.
template <std::size_t size>
HWY_INLINE std::uint16_t const* block_of_column(std::span<std::uint16_t const> raw_xyz, std::size_t offset,
                                                std::array<std::uint16_t, size>& tail) {
    if (offset + size <= raw_xyz.size()) {
        return raw_xyz.data() + offset;
    }
    std::size_t const available = raw_xyz.size() - offset;
    std::memcpy(tail.data(), raw_xyz.data() + offset, available * sizeof(std::uint16_t));
    std::fill(tail.begin() + static_cast<std::ptrdiff_t>(available), tail.end(), std::uint16_t{0});
    return tail.data();
}

#if HWY_TARGET != HWY_SCALAR
/// Of lanes of n to a 128-bit block, stores block b of `value` at `first_row[n * b].voxels + column`.
template <class D, class Row>
HWY_INLINE void store_blocks(D d, hn::Vec<D> value, Row* first_row, std::size_t column) {
    if constexpr (hn::MaxLanes(D()) * sizeof(hn::TFromD<D>) <= 16) {
        hn::Store(value, d, first_row->voxels + column);
    } else {
        hn::Half<D> const half;
        store_blocks(half, hn::LowerHalf(half, value), first_row, column);
        store_blocks(half, hn::UpperHalf(half, value), first_row + hn::MaxLanes(half), column);
    }
}
#endif

/// Writes one row of a tile of the model's input: past the caches where alignment allows.
class RowWriter {
  public:
    RowWriter(std::span<float> input, std::int64_t row_length)
        : can_stream_(is_aligned(input.data(), row_length)) {}

    /// row(lane) gives the vector for lanes [lane, lane + Lanes).
    template <class Row>
    HWY_INLINE void write(Row const& row, float* target, std::size_t num_lanes) const {
        Floats const d;
        if (can_stream_) {
            for (std::size_t lane = 0; lane < num_lanes; lane += hn::Lanes(d)) {
                hn::Stream(row(lane), d, target + lane);
            }
            return;
        }
        TileRow whole;
        for (std::size_t lane = 0; lane < kColumns; lane += hn::Lanes(d)) {
            hn::Store(row(lane), d, whole.voxels + lane);
        }
        std::memcpy(target, whole.voxels, num_lanes * sizeof(float));
    }

  private:
    static bool is_aligned(float const* input, std::int64_t row_length) {
        return reinterpret_cast<std::uintptr_t>(input) % sizeof(VoxelLine) == 0 &&
               row_length % std::int64_t{kLine} == 0;
    }

    bool can_stream_;
};

}  // namespace HWY_NAMESPACE
}  // namespace ctclip
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
