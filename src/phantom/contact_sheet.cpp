#include "phantom/contact_sheet.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace ctclip {
namespace {

constexpr std::size_t kTilePixels = 192;
constexpr std::size_t kGapPixels = 2;

struct Window {
    float centre_hu;
    float width_hu;
};
constexpr Window kLungWindow{-500.0F, 1400.0F};
constexpr Window kMediastinalWindow{40.0F, 420.0F};
constexpr Window kBoneWindow{900.0F, 2200.0F};

enum class Plane { kAxial, kCoronal, kSagittal, kCoronalMaximum };

struct Tile {
    Plane plane;
    float position;  ///< along the axis across the plane: 0 = bottom, front, right; 1 = top, back, left
    Window window;
};

constexpr std::array<Tile, 9> kTiles = {{
    {Plane::kAxial, 0.30F, kLungWindow},
    {Plane::kAxial, 0.44F, kLungWindow},
    {Plane::kAxial, 0.62F, kLungWindow},
    {Plane::kAxial, 0.82F, kLungWindow},
    {Plane::kAxial, 0.44F, kMediastinalWindow},
    {Plane::kAxial, 0.66F, kMediastinalWindow},
    {Plane::kCoronal, 0.50F, kLungWindow},
    {Plane::kSagittal, 0.50F, kMediastinalWindow},
    {Plane::kCoronalMaximum, 0.50F, kBoneWindow},
}};

struct Position {
    float x;
    float y;
    float z;
};

/// Trilinear, clamped at the borders. @param position  in voxels.
float sample_hu(StoredVolume const& volume, Position position) {
    struct Step {
        std::size_t low;
        std::size_t high;
        float share;
    };
    auto const step = [](float value, std::size_t count) -> Step {
        float const clamped = std::clamp(value, 0.0F, static_cast<float>(count - 1));
        auto const low = static_cast<std::size_t>(clamped);
        return {low, std::min(low + 1, count - 1), clamped - static_cast<float>(low)};
    };
    Step const x = step(position.x, volume.grid.num_x);
    Step const y = step(position.y, volume.grid.num_y);
    Step const z = step(position.z, volume.grid.num_z);
    auto const along_x = [&](std::size_t iy, std::size_t iz) {
        return std::lerp(volume.hu(x.low, iy, iz), volume.hu(x.high, iy, iz), x.share);
    };
    auto const along_y = [&](std::size_t iz) {
        return std::lerp(along_x(y.low, iz), along_x(y.high, iz), y.share);
    };
    return std::lerp(along_y(z.low), along_y(z.high), z.share);
}

std::uint8_t grey(float hu, Window const& window) {
    float const share = (hu - window.centre_hu) / window.width_hu + 0.5F;
    return static_cast<std::uint8_t>(std::lround(255.0F * std::clamp(share, 0.0F, 1.0F)));
}

/// What a pixel of the tile shows; `across` and `down` in [-0.5, 0.5] of the tile's width.
Position position_of(Tile const& tile, ScanGrid const& grid, float across, float down) {
    auto const centre = [](std::size_t count) { return 0.5F * static_cast<float>(count - 1); };
    auto const voxels_z_per_tile = [&] {  // the tile is as wide as the field of view, in mm
        double const field_mm = static_cast<double>(std::max(grid.num_x, grid.num_y)) * grid.spacing_xy_mm;
        return static_cast<float>(field_mm / grid.spacing_z_mm);
    };
    auto const field_voxels = static_cast<float>(std::max(grid.num_x, grid.num_y));
    switch (tile.plane) {
        case Plane::kAxial:
            return {centre(grid.num_x) + across * field_voxels, centre(grid.num_y) + down * field_voxels,
                    tile.position * static_cast<float>(grid.num_z - 1)};
        case Plane::kCoronal:
        case Plane::kCoronalMaximum:
            return {centre(grid.num_x) + across * field_voxels,
                    tile.position * static_cast<float>(grid.num_y - 1),
                    centre(grid.num_z) - down * voxels_z_per_tile()};
        case Plane::kSagittal:
            break;
    }
    return {tile.position * static_cast<float>(grid.num_x - 1), centre(grid.num_y) + across * field_voxels,
            centre(grid.num_z) - down * voxels_z_per_tile()};
}

/// The brightest voxel in front of and behind the position: metal and calcium, wherever they are.
float maximum_hu_across_y(StoredVolume const& volume, Position position) {
    auto const nearest = [](float value, std::size_t count) {
        return static_cast<std::size_t>(std::clamp(std::round(value), 0.0F, static_cast<float>(count - 1)));
    };
    std::size_t const x = nearest(position.x, volume.grid.num_x);
    std::size_t const z = nearest(position.z, volume.grid.num_z);
    float brightest = volume.hu(x, 0, z);
    for (std::size_t y = 1; y < volume.grid.num_y; ++y) {
        brightest = std::max(brightest, volume.hu(x, y, z));
    }
    return brightest;
}

float shown_hu(Tile const& tile, StoredVolume const& volume, Position position) {
    return tile.plane == Plane::kCoronalMaximum ? maximum_hu_across_y(volume, position)
                                                : sample_hu(volume, position);
}

bool is_inside(Position position, ScanGrid const& grid) {
    auto const within = [](float value, std::size_t count) {
        return value >= -0.5F && value <= static_cast<float>(count) - 0.5F;
    };
    return within(position.x, grid.num_x) && within(position.y, grid.num_y) && within(position.z, grid.num_z);
}

}  // namespace

ContactSheet::ContactSheet(std::size_t num_studies)
    : image_(kTiles.size() * (kTilePixels + kGapPixels) - kGapPixels,
             num_studies * (kTilePixels + kGapPixels) - kGapPixels) {}

void ContactSheet::draw_row(std::size_t row, StoredVolume const& volume) {
    auto const in_tile = [](std::size_t pixel) {
        return (static_cast<float>(pixel) + 0.5F) / static_cast<float>(kTilePixels) - 0.5F;
    };
    for (std::size_t column = 0; column < kTiles.size(); ++column) {
        Tile const& tile = kTiles[column];
        for (std::size_t j = 0; j < kTilePixels; ++j) {
            for (std::size_t i = 0; i < kTilePixels; ++i) {
                Position const position = position_of(tile, volume.grid, in_tile(i), in_tile(j));
                if (is_inside(position, volume.grid)) {
                    image_.at(column * (kTilePixels + kGapPixels) + i, row * (kTilePixels + kGapPixels) + j) =
                        grey(shown_hu(tile, volume, position), tile.window);
                }
            }
        }
    }
}

}  // namespace ctclip
