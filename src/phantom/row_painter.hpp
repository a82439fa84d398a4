/// Mixes solids into one row of voxels.
#pragma once

#include <span>

#include "phantom/scene.hpp"
#include "phantom/texture.hpp"

namespace ctclip {

/// How much of a voxel lies inside a surface at that signed distance. @param edge_mm  width of a voxel, or of
/// a blurred edge.
constexpr float coverage(float distance_mm, float edge_mm) {
    float const share = 0.5F - distance_mm / edge_mm;
    float const not_negative = share > 0.0F ? share : 0.0F;
    return not_negative < 1.0F ? not_negative : 1.0F;
}

struct RowPaint {
    std::span<float> hu;
    std::span<float const> wander;  ///< noise in [-1, 1] that roughens edges
    std::span<float const> mask;    ///< opacity per voxel; empty: everywhere
    float voxel_mm = 1.0F;          ///< width of a sharp edge
};

/// The box outside which the solid changes nothing.
Bounds painted_bounds(Solid const& solid, float voxel_mm);

/// @param bounds  painted_bounds(solid).
void paint(Solid const& solid, Bounds const& bounds, Row const& row, RowPaint const& paint);

}  // namespace ctclip
