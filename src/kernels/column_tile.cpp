#include "kernels/column_tile.hpp"

#include <algorithm>

namespace ctclip {
namespace {

std::uint8_t index_of_source(ColumnTile& tile, std::int32_t source) {
    auto const end = tile.sources.begin() + tile.num_sources;
    auto const found = std::find(tile.sources.begin(), end, source);
    if (found == end) {
        *found = source;
        ++tile.num_sources;
    }
    return static_cast<std::uint8_t>(found - tile.sources.begin());
}

}  // namespace

std::vector<ColumnTile> column_tiles(AxisGeometry const& y) {
    std::vector<ColumnTile> tiles;
    for (std::int32_t first = 0; first < y.num_target; first += kTileColumns) {
        ColumnTile tile;
        tile.first_column = first;
        tile.num_lanes = std::min(kTileColumns, y.num_target - first);
        for (std::int32_t lane = 0; lane < kTileColumns; ++lane) {
            if (lane >= tile.num_lanes || y.is_padding(first + lane)) {
                tile.padding_lanes |= 1U << lane;
                continue;
            }
            Taps const taps = y.taps(first + lane);
            auto const index = static_cast<std::size_t>(lane);
            tile.lower[index] = index_of_source(tile, taps.lower);
            tile.upper[index] = index_of_source(tile, taps.upper);
            tile.upper_weight[index] = taps.upper_weight;
        }
        tiles.push_back(tile);
    }
    return tiles;
}

std::vector<Taps> kept_taps(AxisGeometry const& axis) {
    std::vector<Taps> taps;
    taps.reserve(static_cast<std::size_t>(axis.num_kept));
    for (std::int32_t index = 0; index < axis.num_kept; ++index) {
        taps.push_back(axis.taps(axis.pad_before + index));
    }
    return taps;
}

}  // namespace ctclip
