#include "phantom/row_painter.hpp"

#include <algorithm>
#include <cmath>

namespace ctclip {
namespace {

struct Range {
    std::size_t begin;
    std::size_t end;
};

Range covered(Bounds const& bounds, Row const& row) {
    auto const index = [&](float x) {
        float const position = std::ceil((x - row.first_x) / row.step_x);
        return static_cast<std::size_t>(std::clamp(position, 0.0F, static_cast<float>(row.num_voxels)));
    };
    return {index(bounds.low.x), index(bounds.high.x)};
}

/// A solid thinner than a voxel fills only part of it.
float fill_share(Solid const& solid, float voxel_mm) {
    auto const across = [&](float radius_mm) { return std::min(1.0F, 2.0F * radius_mm / voxel_mm); };
    if (auto const* ellipsoid = std::get_if<Ellipsoid>(&solid.shape)) {
        Vec3 const radii = ellipsoid->radii();
        return across(radii.x) * across(radii.y) * across(radii.z);
    }
    auto const& rod = std::get<Capsule>(solid.shape);
    float const share = across(0.5F * (rod.from_radius_mm + rod.to_radius_mm));
    return share * share;
}

/// Applies `distance(x)` to every voxel of the range.
template <class Distance>
void blend(Solid const& solid, Range range, Row const& row, RowPaint const& paint, Distance const& distance) {
    float const edge_mm = std::max(paint.voxel_mm, solid.softness_mm);
    float const opacity = solid.opacity * fill_share(solid, paint.voxel_mm);
    float* const hu = paint.hu.data();
    float const* const wander = paint.wander.data();
    if (paint.mask.empty()) {
        for (std::size_t i = range.begin; i < range.end; ++i) {
            float const share =
                opacity * coverage(distance(row.x(i)) + solid.roughness_mm * wander[i], edge_mm);
            hu[i] += share * (solid.hu - hu[i]);
        }
        return;
    }
    float const* const mask = paint.mask.data();
    for (std::size_t i = range.begin; i < range.end; ++i) {
        float const share =
            mask[i] * opacity * coverage(distance(row.x(i)) + solid.roughness_mm * wander[i], edge_mm);
        hu[i] += share * (solid.hu - hu[i]);
    }
}

void paint_ellipsoid(Ellipsoid const& ellipsoid, Solid const& solid, Range range, Row const& row,
                     RowPaint const& paint) {
    Vec3 const c = ellipsoid.centre();
    Vec3 const offset{0.0F, row.y - c.y, row.z - c.z};
    auto const& unit = ellipsoid.to_unit_sphere();
    auto const& metric = ellipsoid.metric();
    // Both maps are linear along the row: a constant part and a slope.
    Vec3 const unit_0{dot(unit[0], offset), dot(unit[1], offset), dot(unit[2], offset)};
    Vec3 const unit_1{unit[0].x, unit[1].x, unit[2].x};
    Vec3 const metric_0{dot(metric[0], offset), dot(metric[1], offset), dot(metric[2], offset)};
    Vec3 const metric_1{metric[0].x, metric[1].x, metric[2].x};
    blend(solid, range, row, paint, [=](float x) {
        float const dx = x - c.x;
        Vec3 const u = unit_0 + unit_1 * dx;
        Vec3 const g = metric_0 + metric_1 * dx;
        float const radius = std::sqrt(dot(u, u));
        return radius * (radius - 1.0F) / (std::sqrt(dot(g, g)) + 1e-6F);
    });
}

void paint_capsule(Capsule const& rod, Solid const& solid, Range range, Row const& row,
                   RowPaint const& paint) {
    Vec3 const axis = rod.to - rod.from;
    float const inverse_length2 = 1.0F / std::max(dot(axis, axis), 1e-6F);
    float const y = row.y - rod.from.y;
    float const z = row.z - rod.from.z;
    float const along_0 = (y * axis.y + z * axis.z) * inverse_length2;
    float const along_1 = axis.x * inverse_length2;
    float const taper = rod.to_radius_mm - rod.from_radius_mm;
    blend(solid, range, row, paint, [=](float x) {
        float const dx = x - rod.from.x;
        float const raw = along_0 + along_1 * dx;
        float const not_negative = raw > 0.0F ? raw : 0.0F;
        float const along = not_negative < 1.0F ? not_negative : 1.0F;
        float const px = dx - along * axis.x;
        float const py = y - along * axis.y;
        float const pz = z - along * axis.z;
        return std::sqrt(px * px + py * py + pz * pz) - (rod.from_radius_mm + taper * along);
    });
}

}  // namespace

Bounds painted_bounds(Solid const& solid, float voxel_mm) {
    float const margin = 0.5F * std::max(voxel_mm, solid.softness_mm) + solid.roughness_mm;
    Vec3 const grow{margin, margin, margin};
    Bounds const bounds = std::visit([](auto const& shape) { return shape.bounds(); }, solid.shape);
    return {bounds.low - grow, bounds.high + grow};
}

void paint(Solid const& solid, Bounds const& bounds, Row const& row, RowPaint const& paint) {
    Range const range = covered(bounds, row);
    if (auto const* ellipsoid = std::get_if<Ellipsoid>(&solid.shape)) {
        paint_ellipsoid(*ellipsoid, solid, range, row, paint);
    } else {
        paint_capsule(std::get<Capsule>(solid.shape), solid, range, row, paint);
    }
}

}  // namespace ctclip
