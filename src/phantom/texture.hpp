/// Random fields in space, evaluated along rows: pure functions of (seed, position).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "phantom/scene.hpp"

namespace ctclip {

/// Positions x = first_x + i * step_x (i = 0, 1, ...) at one (y, z), mm.
struct Row {
    float first_x = 0.0F;
    float step_x = 1.0F;
    std::size_t num_voxels = 0;
    float y = 0.0F;
    float z = 0.0F;

    float x(std::size_t index) const noexcept { return first_x + static_cast<float>(index) * step_x; }
};

/// Smooth noise in [-1, 1] with features of about `cell_mm`.
class ValueNoise {
  public:
    ValueNoise(std::uint64_t seed, float cell_mm) : seed_(seed), cell_mm_(cell_mm) {}

    /// `out` holds row.num_voxels values.
    void fill(Row const& row, std::span<float> out);

  private:
    float node(std::int64_t ix, std::int64_t iy, std::int64_t iz) const;

    std::uint64_t seed_;
    float cell_mm_;
    std::vector<float> nodes_;
};

/// Where a point lies in a LobulePattern.
struct LobulePoint {
    bool is_bright = false;     ///< a fair coin per lobule
    float to_septum_mm = 0.0F;  ///< distance to the nearest border between two lobules
};

/// The Voronoi cells of one jittered point per lattice cell, along one row.
class LobuleRow {
  public:
    LobuleRow(LobulePattern const& pattern, Row const& row);

    LobulePoint at(float x) const;

  private:
    struct Site {
        float x;
        float squared_offset;  ///< of y and z, to the row
        float y;
        float z;
        bool is_bright;
    };

    static constexpr std::size_t kSitesPerColumn = 9;

    float cell_mm_;
    std::int64_t first_column_;
    std::vector<Site> sites_;  ///< kSitesPerColumn for every lattice column from first_column_ on
};

}  // namespace ctclip
