/// The fused path's unit of work: 16 neighbouring columns (y) of the model's input, one cache line of each
/// row.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/volume_geometry.hpp"

namespace ctclip {

inline constexpr std::int32_t kTileColumns = 32;

struct ColumnTile {
    std::int32_t first_column = 0;  ///< target y of lane 0
    std::int32_t num_lanes = 0;     ///< lanes inside the target; all but for the last tile
    std::int32_t num_sources = 0;   ///< distinct source columns; 0 if every lane is padding
    std::array<std::int32_t, 2 * kTileColumns> sources{};  ///< their source y
    std::array<std::uint8_t, kTileColumns> lower{};        ///< lane -> index into sources
    std::array<std::uint8_t, kTileColumns> upper{};
    std::array<float, kTileColumns> upper_weight{};
    std::uint32_t padding_lanes = 0;  ///< bit set: the lane is padding

    bool is_all_padding() const { return num_sources == 0; }
};

std::vector<ColumnTile> column_tiles(AxisGeometry const& y);

/// The taps of every kept target voxel of an axis; element 0 belongs to target index `axis.pad_before`.
std::vector<Taps> kept_taps(AxisGeometry const& axis);

}  // namespace ctclip
