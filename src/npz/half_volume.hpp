/// Voxels of any stored type and order -> C-order fp16, with the ledger of what the conversion did to them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "npz/half_ledger.hpp"
#include "npz/npz_reader.hpp"

namespace ctclip {

/// Conversion of a C-order volume piece by piece. Bit-equal to numpy's astype("<f2") but for NaN (0x7E00; fp16 sources
/// are copied as they are).
class HalfConverter {
  public:
    explicit HalfConverter(VolumeHeader const& header) : header_(header) {}

    /// @param voxels  the next ones, whole elements.  @param out  as many halves.
    void convert(std::span<std::byte const> voxels, std::span<std::uint16_t> out);

    /// Of all pieces so far.
    HalfStatistics statistics() const;

  private:
    VolumeHeader const& header_;
    HalfLedger ledger_;
    std::optional<std::int64_t> first_not_finite_;
    std::uint64_t num_converted_ = 0;
};

/// C order, little-endian fp16 bit patterns.
struct HalfVolume {
    Shape shape;
    std::vector<std::uint16_t> halves;
    HalfStatistics statistics;
};

/// Bit-equal to numpy.ascontiguousarray(array).astype("<f2") but for NaN (0x7E00; fp16 sources are copied as
/// they are).
/// @param out  element_count(array.shape) elements.
HalfStatistics convert_to_half(NpzArray const& array, std::span<std::uint16_t> out);
HalfVolume to_half(NpzArray const& array);

/// Policy `reject`. @throws Error kBadInput if a voxel is NaN or infinite in fp16: how many, where the first
/// is.
void require_finite_halves(HalfStatistics const& statistics, Shape const& shape,
                           std::filesystem::path const& path);

/// Policy `saturate`: infinities become +-65504; NaN stays (no number stands for it: reject it still).
void saturate_halves(std::span<std::uint16_t> halves);

}  // namespace ctclip
