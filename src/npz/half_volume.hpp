/// Voxels of any stored type and order -> C-order fp16, with the ledger of what the conversion did to them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "npz/npz_reader.hpp"

namespace ctclip {

/// What conversion to fp16 did to a volume. Ranges are over the voxels that are not NaN, in the source's own
/// units.
struct HalfStatistics {
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
    std::int64_t num_nan = 0;
    std::int64_t num_out_of_range = 0;             ///< infinite in fp16: |v| >= 65520, infinities among them
    std::int64_t num_inexact = 0;                  ///< finite in fp16, but not equal to the source
    double worst_abs_error = 0.0;                  ///< over the voxels that are finite in fp16
    std::optional<std::int64_t> first_not_finite;  ///< C-order index of the first NaN or infinite fp16 voxel
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
