/// The solids that phantoms are made of, as approximate signed distances in mm (negative inside).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <variant>

#include "phantom/vec3.hpp"

namespace ctclip {

/// Axis-aligned; used to skip what a slice or a row cannot show.
struct Bounds {
    Vec3 low;
    Vec3 high;
};

/// Turned ellipsoid. Distance after Quilez: exact on the surface, right to first order near it.
class Ellipsoid {
  public:
    /// @param radii       along the three axes, > 0, mm.
    /// @param first_axis  direction of the first radius; the second lies across it, as horizontal as can be.
    Ellipsoid(Vec3 centre, Vec3 radii, Vec3 first_axis = {1.0F, 0.0F, 0.0F});

    Vec3 centre() const noexcept { return centre_; }
    Vec3 radii() const noexcept { return radii_; }
    Bounds bounds() const;
    float distance(Vec3 point) const;
    /// The point of the surface that `direction` (in the ellipsoid's own axes, unit length) leads to.
    Vec3 surface_point(Vec3 direction) const;
    Ellipsoid grown(float by_mm) const;
    Ellipsoid scaled(float factor) const;

    /// What the row painter needs: rows of the map into the unit sphere, and columns of (map^T map).
    std::array<Vec3, 3> const& to_unit_sphere() const noexcept { return to_unit_sphere_; }
    std::array<Vec3, 3> const& metric() const noexcept { return metric_; }

  private:
    Vec3 centre_;
    Vec3 radii_;
    std::array<Vec3, 3> axes_;  ///< orthonormal
    std::array<Vec3, 3> to_unit_sphere_;
    std::array<Vec3, 3> metric_;  ///< symmetric
};

/// A round rod, possibly tapered, with round ends.
struct Capsule {
    Vec3 from;
    Vec3 to;
    float from_radius_mm = 1.0F;
    float to_radius_mm = 1.0F;

    Bounds bounds() const;
};

using Shape3 = std::variant<Ellipsoid, Capsule>;

/// Cross-section between an ellipse (squareness 0) and a rounded box (towards 1).
struct Squircle {
    float centre_y = 0.0F;
    float half_width = 1.0F;  ///< along x, mm
    float half_depth = 1.0F;  ///< along y, mm
    float squareness = 0.0F;

    float distance(float x, float y) const;
    Squircle grown(float by_mm) const;
};

// Inline: rows call it for every voxel.
inline float Squircle::distance(float x, float y) const {
    float const inverse_a2 = 1.0F / (half_width * half_width);
    float const inverse_b2 = 1.0F / (half_depth * half_depth);
    float const dy = y - centre_y;
    float const u = x * x * inverse_a2;
    float const v = dy * dy * inverse_b2;
    float const linear = 1.0F - squareness;
    float const level = std::sqrt(linear * (u + v) + squareness * (u * u + v * v));
    float const slope_x = x * inverse_a2 * (linear + 2.0F * squareness * u);
    float const slope_y = dy * inverse_b2 * (linear + 2.0F * squareness * v);
    float const slope = std::sqrt(slope_x * slope_x + slope_y * slope_y);
    float const steepest = 1.0F / std::min(half_width, half_depth);
    return (level - 1.0F) * std::max(level, 1e-6F) / std::max(slope, 1e-6F * steepest);
}

}  // namespace ctclip
