#include "phantom/shapes.hpp"

#include <algorithm>

namespace ctclip {
namespace {

constexpr float kTiny = 1e-6F;

}  // namespace

Ellipsoid::Ellipsoid(Vec3 centre, Vec3 radii, Vec3 first_axis) : centre_(centre), radii_(radii) {
    Vec3 const first = normalised(first_axis);
    bool const is_upright = std::abs(first.z) > 0.999F;
    Vec3 const second = is_upright ? Vec3{0.0F, 1.0F, 0.0F} : normalised(cross({0.0F, 0.0F, 1.0F}, first));
    axes_ = {first, second, cross(first, second)};
    to_unit_sphere_ = {axes_[0] * (1.0F / radii.x), axes_[1] * (1.0F / radii.y), axes_[2] * (1.0F / radii.z)};
    auto const column = [&](float Vec3::*axis) {
        Vec3 sum;
        for (Vec3 const& row : to_unit_sphere_) {
            sum = sum + row * (row.*axis);
        }
        return sum;
    };
    metric_ = {column(&Vec3::x), column(&Vec3::y), column(&Vec3::z)};
}

Bounds Ellipsoid::bounds() const {
    auto const extent = [&](float Vec3::*axis) {
        float const a = axes_[0].*axis * radii_.x;
        float const b = axes_[1].*axis * radii_.y;
        float const c = axes_[2].*axis * radii_.z;
        return std::sqrt(a * a + b * b + c * c);
    };
    Vec3 const half{extent(&Vec3::x), extent(&Vec3::y), extent(&Vec3::z)};
    return {centre_ - half, centre_ + half};
}

float Ellipsoid::distance(Vec3 point) const {
    Vec3 const p = point - centre_;
    Vec3 const unit{dot(to_unit_sphere_[0], p), dot(to_unit_sphere_[1], p), dot(to_unit_sphere_[2], p)};
    Vec3 const gradient{dot(metric_[0], p), dot(metric_[1], p), dot(metric_[2], p)};
    float const radius = length(unit);
    return radius * (radius - 1.0F) / std::max(length(gradient), kTiny);
}

Vec3 Ellipsoid::surface_point(Vec3 direction) const {
    return centre_ + axes_[0] * (direction.x * radii_.x) + axes_[1] * (direction.y * radii_.y) +
           axes_[2] * (direction.z * radii_.z);
}

Ellipsoid Ellipsoid::grown(float by_mm) const {
    return {centre_, {radii_.x + by_mm, radii_.y + by_mm, radii_.z + by_mm}, axes_[0]};
}

Ellipsoid Ellipsoid::scaled(float factor) const {
    return {centre_, radii_ * factor, axes_[0]};
}

Bounds Capsule::bounds() const {
    float const radius = std::max(from_radius_mm, to_radius_mm);
    Vec3 const margin{radius, radius, radius};
    Vec3 const low{std::min(from.x, to.x), std::min(from.y, to.y), std::min(from.z, to.z)};
    Vec3 const high{std::max(from.x, to.x), std::max(from.y, to.y), std::max(from.z, to.z)};
    return {low - margin, high + margin};
}

Squircle Squircle::grown(float by_mm) const {
    return {centre_y, half_width + by_mm, half_depth + by_mm, squareness};
}

}  // namespace ctclip
