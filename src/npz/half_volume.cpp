#include "npz/half_volume.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hpp"
#include "base/half.hpp"
#include "npz/transpose_halves.hpp"

namespace ctclip {

namespace {

constexpr std::size_t kBlock = 2048;  // voxels that stay in the first cache while worked on

/// Up to kBlock stored elements, in the machine's byte order and aligned.
template <class T>
class SourceBlock {
  public:
    SourceBlock(std::span<std::byte const> bytes, bool is_big_endian) {
        std::byte const* const source = bytes.data();
        std::size_t const count = bytes.size() / sizeof(T);
        bool const is_swapped = is_big_endian && sizeof(T) > 1;
        if (!is_swapped && reinterpret_cast<std::uintptr_t>(source) % alignof(T) == 0) {
            values_ = {reinterpret_cast<T const*>(source), count};
            return;
        }
        std::memcpy(copy_.data(), source, count * sizeof(T));
        if (is_swapped) {
            for (std::size_t i = 0; i < count; ++i) {
                auto* const element = reinterpret_cast<std::byte*>(&copy_[i]);
                std::reverse(element, element + sizeof(T));
            }
        }
        values_ = {copy_.data(), count};
    }
    SourceBlock(SourceBlock const&) = delete;
    SourceBlock& operator=(SourceBlock const&) = delete;

    std::span<T const> values() const { return values_; }

  private:
    std::array<T, kBlock> copy_;
    std::span<T const> values_;
};

/// @param voxels  stored elements, as many as `out` has.
template <class T>
void convert_run(std::span<std::byte const> voxels, bool is_big_endian, std::span<std::uint16_t> out,
                 HalfLedger& ledger) {
    for (std::size_t done = 0; done < out.size(); done += kBlock) {
        std::size_t const count = std::min(kBlock, out.size() - done);
        SourceBlock<T> const block(voxels.subspan(done * sizeof(T), count * sizeof(T)), is_big_endian);
        ledger.convert(block.values(), out.subspan(done, count));
    }
}

/// Fortran order (x fastest) to C order (z fastest): rows along x are converted into a tile that the second
/// cache holds, and leave it along z.
template <class T>
void convert_fortran(NpzArray const& array, std::span<std::uint16_t> out, HalfLedger& ledger) {
    constexpr std::size_t kTileX = 512;
    constexpr std::size_t kTileZ = 128;
    auto const size_x = static_cast<std::size_t>(array.shape[0]);
    auto const size_y = static_cast<std::size_t>(array.shape[1]);
    auto const size_z = static_cast<std::size_t>(array.shape[2]);
    std::vector<std::uint16_t> tile(kTileX * kTileZ);
    for (std::size_t x = 0; x < size_x; x += kTileX) {
        std::size_t const num_x = std::min(kTileX, size_x - x);
        for (std::size_t z = 0; z < size_z; z += kTileZ) {
            std::size_t const num_z = std::min(kTileZ, size_z - z);
            for (std::size_t y = 0; y < size_y; ++y) {
                for (std::size_t row = 0; row < num_z; ++row) {
                    std::size_t const first = x + size_x * (y + size_y * (z + row));
                    convert_run<T>(array.bytes().subspan(first * sizeof(T), num_x * sizeof(T)), array.is_big_endian,
                                   std::span(tile).subspan(row * kTileX, num_x), ledger);
                }
                transpose_halves(tile.data(), kTileX, num_z, num_x,
                                 out.data() + (x * size_y + y) * size_z + z, size_y * size_z);
            }
        }
    }
}

/// Calls `use` with a value of the C++ type that `type` is.
template <class Use>
void with_voxel_type(DType type, Use const& use) {
    switch (type) {
        case DType::kF64:
            return use(double{});
        case DType::kF32:
            return use(float{});
        case DType::kF16:
            return use(StoredHalf{});
        case DType::kI32:
            return use(std::int32_t{});
        case DType::kI16:
            return use(std::int16_t{});
        case DType::kI8:
            return use(std::int8_t{});
        case DType::kU16:
            return use(std::uint16_t{});
        case DType::kU8:
            return use(std::uint8_t{});
        default:
            fail(ExitCode::kInternal, "no conversion from {} to fp16", dtype_name(type));
    }
}

bool has_not_finite(HalfStatistics const& statistics) {
    return statistics.num_nan + statistics.num_out_of_range > 0;
}

/// Where there is one.
std::int64_t find_not_finite(std::span<std::uint16_t const> halves) {
    return std::find_if_not(halves.begin(), halves.end(), is_half_finite) - halves.begin();
}

}  // namespace

void HalfConverter::convert(std::span<std::byte const> voxels, std::span<std::uint16_t> out) {
    CTCLIP_EXPECT(!header_.is_fortran_order && voxels.size() == out.size() * item_size_bytes(header_.type));
    with_voxel_type(header_.type, [&](auto type) {
        convert_run<decltype(type)>(voxels, header_.is_big_endian, out, ledger_);
    });
    if (!first_not_finite_ && has_not_finite(ledger_.statistics())) {
        first_not_finite_ = static_cast<std::int64_t>(num_converted_) + find_not_finite(out);
    }
    num_converted_ += out.size();
}

HalfStatistics HalfConverter::statistics() const {
    HalfStatistics statistics = ledger_.statistics();
    statistics.first_not_finite = first_not_finite_;
    return statistics;
}

HalfStatistics convert_to_half(NpzArray const& array, std::span<std::uint16_t> out) {
    CTCLIP_EXPECT(out.size() == array.num_voxels());
    if (!array.is_fortran_order) {
        HalfConverter converter(array);
        converter.convert(array.bytes(), out);
        return converter.statistics();
    }
    HalfLedger ledger;
    with_voxel_type(array.type, [&](auto type) { convert_fortran<decltype(type)>(array, out, ledger); });
    HalfStatistics statistics = ledger.statistics();
    if (has_not_finite(statistics)) {
        statistics.first_not_finite = find_not_finite(out);
    }
    return statistics;
}

HalfVolume to_half(NpzArray const& array) {
    HalfVolume volume;
    volume.shape = array.shape;
    volume.halves.resize(static_cast<std::size_t>(element_count(array.shape)));
    volume.statistics = convert_to_half(array, volume.halves);
    return volume;
}

void require_finite_halves(HalfStatistics const& statistics, Shape const& shape,
                           std::filesystem::path const& path) {
    if (!statistics.first_not_finite) {
        return;
    }
    std::int64_t const index = *statistics.first_not_finite;
    fail(ExitCode::kBadInput,
         "{}: {} voxels are NaN and {} lie beyond the range of float16 (+-65504); the first is voxel ({}, "
         "{}, {}). "
         "Repair the volume, or convert with convert.out_of_range saturate (for finite values) or quarantine.",
         path.string(), statistics.num_nan, statistics.num_out_of_range, index / (shape[1] * shape[2]),
         index / shape[2] % shape[1], index % shape[2]);
}

void saturate_halves(std::span<std::uint16_t> halves) {
    for (std::uint16_t& half : halves) {
        bool const is_infinite = (half & ~kHalfSign) == kHalfInfinity;
        half = static_cast<std::uint16_t>(is_infinite ? half - 1 : half);
    }
}

}  // namespace ctclip
