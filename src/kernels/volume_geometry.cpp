#include "kernels/volume_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.hpp"

namespace ctclip {
namespace {

constexpr std::int64_t kMaxAxisLength = 65536;

AxisGeometry plan_axis(std::string_view axis, std::int64_t num_source, double spacing_mm,
                       std::int32_t num_target, double target_spacing_mm) {
    require(num_source >= 1 && num_source <= kMaxAxisLength, ExitCode::kBadInput,
            "the volume's {} axis has {} voxels (1 to {} are possible)", axis, num_source, kMaxAxisLength);
    require(num_target >= 1 && num_target <= kMaxAxisLength, ExitCode::kBadConfig,
            "data.target_shape asks for {} voxels along {} (1 to {} are possible)", num_target, axis,
            kMaxAxisLength);
    require(std::isfinite(target_spacing_mm) && target_spacing_mm > 0.0, ExitCode::kBadConfig,
            "data.target_spacing_mm is {} along {} (it must be positive)", target_spacing_mm, axis);
    AxisGeometry geometry;
    geometry.num_source = static_cast<std::int32_t>(num_source);
    try {
        geometry.num_resized = resized_size(num_source, spacing_mm, target_spacing_mm);
    } catch (Error const& error) {
        fail(error.code(), "{} axis: {}", axis, error.what());
    }
    geometry.num_target = num_target;
    geometry.num_kept = std::min(geometry.num_resized, num_target);
    geometry.crop_start = (geometry.num_resized - geometry.num_kept) / 2;
    geometry.pad_before = (num_target - geometry.num_kept) / 2;
    geometry.scale = static_cast<float>(geometry.num_source) / static_cast<float>(geometry.num_resized);
    return geometry;
}

}  // namespace

std::int64_t TargetGrid::num_voxels() const {
    return std::int64_t{shape_zxy[0]} * shape_zxy[1] * shape_zxy[2];
}

std::int32_t resized_size(std::int64_t num_source, double spacing_mm, double target_spacing_mm) {
    require(std::isfinite(spacing_mm) && spacing_mm > 0.0, ExitCode::kBadInput,
            "the voxel spacing is {} mm (it must be positive)", spacing_mm);
    double const size = std::trunc(static_cast<double>(num_source) * (spacing_mm / target_spacing_mm));
    require(size >= 1.0, ExitCode::kBadInput,
            "{} voxels of {} mm are less than one voxel of {} mm (nothing of the volume would be left)",
            num_source, spacing_mm, target_spacing_mm);
    require(size <= static_cast<double>(kMaxAxisLength), ExitCode::kBadInput,
            "{} voxels of {} mm become {} voxels of {} mm (at most {} are possible; is the spacing right?)",
            num_source, spacing_mm, size, target_spacing_mm, kMaxAxisLength);
    return static_cast<std::int32_t>(size);
}

VolumeGeometry plan_geometry(std::span<std::int64_t const> shape_xyz, double xy_spacing_mm,
                             double z_spacing_mm, TargetGrid const& target) {
    require(shape_xyz.size() == 3, ExitCode::kBadInput, "the volume has {} axes (a CT volume has 3: x, y, z)",
            shape_xyz.size());
    VolumeGeometry geometry;
    geometry.x = plan_axis("x", shape_xyz[0], xy_spacing_mm, target.shape_zxy[1], target.spacing_zxy_mm[1]);
    geometry.y = plan_axis("y", shape_xyz[1], xy_spacing_mm, target.shape_zxy[2], target.spacing_zxy_mm[2]);
    geometry.z = plan_axis("z", shape_xyz[2], z_spacing_mm, target.shape_zxy[0], target.spacing_zxy_mm[0]);
    return geometry;
}

}  // namespace ctclip
