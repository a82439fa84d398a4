/// Where each voxel of the model's input lies in the stored volume.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/exact_float.hpp"
#include "kernels/host_device.hpp"

namespace ctclip {

/// The grid that the model sees. Order of all three-element members here: (z, x, y), as in the model's input.
struct TargetGrid {
    std::array<std::int32_t, 3> shape_zxy{240, 480, 480};
    std::array<double, 3> spacing_zxy_mm{1.5, 0.75, 0.75};

    std::int64_t num_voxels() const;
};

/// Two neighbouring source voxels and the weight, in [0, 1], of the upper one.
struct Taps {
    std::int32_t lower;
    std::int32_t upper;
    float upper_weight;
};

/// One axis: source voxels -> resized (trilinear, half-pixel centres) -> centre-cropped or padded to the
/// target.
struct AxisGeometry {
    std::int32_t num_source = 1;
    std::int32_t num_resized = 1;
    std::int32_t num_target = 1;
    std::int32_t crop_start = 0;  ///< first resized voxel that is kept
    std::int32_t pad_before = 0;  ///< target voxels before the first kept one
    std::int32_t num_kept = 1;
    float scale = 1.0F;  ///< float(num_source) / float(num_resized)

    /// Is this target voxel padding?
    CTCLIP_HOST_DEVICE bool is_padding(std::int32_t target_index) const {
        return target_index < pad_before || target_index >= pad_before + num_kept;
    }

    /// For a target voxel that is not padding.
    CTCLIP_HOST_DEVICE Taps taps(std::int32_t target_index) const {
        std::int32_t const resized_index = target_index - pad_before + crop_start;
        if (num_resized == num_source) {
            return {resized_index, resized_index, 0.0F};
        }
        float const centre = sum(static_cast<float>(resized_index), 0.5F);
        float const unclamped = fused_product_sum(scale, centre, -0.5F);
        float const position = unclamped > 0.0F ? unclamped : 0.0F;
        std::int32_t const floor_index = static_cast<std::int32_t>(position);
        std::int32_t const lower = floor_index < num_source - 1 ? floor_index : num_source - 1;
        std::int32_t const upper = lower + 1 < num_source ? lower + 1 : num_source - 1;
        float const weight = sum(position, -static_cast<float>(lower));
        return {lower, upper, weight < 1.0F ? weight : 1.0F};
    }
};

struct VolumeGeometry {
    AxisGeometry x;
    AxisGeometry y;
    AxisGeometry z;

    CTCLIP_HOST_DEVICE std::int64_t num_source_voxels() const {
        return std::int64_t{x.num_source} * y.num_source * z.num_source;
    }
    CTCLIP_HOST_DEVICE std::int64_t num_target_voxels() const {
        return std::int64_t{x.num_target} * y.num_target * z.num_target;
    }
};

/// The number of voxels after resizing: trunc(n * (spacing / target)) in double, the quotient first.
/// @throws Error kBadInput unless both spacings are finite and positive and the result is in [1, 65536].
std::int32_t resized_size(std::int64_t num_source, double spacing_mm, double target_spacing_mm);

/// @param shape_xyz  of the stored volume; @param xy_spacing_mm of both in-plane axes; @param z_spacing_mm of
/// slices.
/// @throws Error kBadInput for an axis that is empty, too long, or vanishes: an empty volume is never made.
VolumeGeometry plan_geometry(std::span<std::int64_t const> shape_xyz, double xy_spacing_mm,
                             double z_spacing_mm, TargetGrid const& target);

}  // namespace ctclip
