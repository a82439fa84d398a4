/// From a stored fp16 volume to the model's input, one voxel at a time: the definition that the CPU
/// reference, the fast CPU path and the CUDA kernel share. Its results are
/// compared bit by bit with the Python original's in tests/data.
#pragma once

#include <cstdint>

#include "base/half.hpp"
#include "kernels/exact_float.hpp"
#include "kernels/half_element.hpp"
#include "kernels/host_device.hpp"
#include "kernels/volume_geometry.hpp"

namespace ctclip {

/// Values are clipped to [-1000, 1000] HU before the resize (CTCLIP_MODERN and the published zero-shot code;
/// the default) or after it (the published training code).
enum class ClipOrder : std::int32_t { kClipThenResize, kResizeThenClip };

inline constexpr float kClipHu = 1000.0F;
inline constexpr float kPaddingValue = -1.0F;

/// Everything about one volume but its voxels. Plain data: it is passed to CUDA kernels by value.
struct PreprocessRecipe {
    VolumeGeometry geometry;
    float rescale_slope = 1.0F;      ///< finite, not 0
    float rescale_intercept = 0.0F;  ///< finite
    ClipOrder order = ClipOrder::kClipThenResize;
};

/// @throws Error kBadInput unless slope and intercept are finite in float32 and the slope is not 0.
PreprocessRecipe make_recipe(VolumeGeometry const& geometry, double rescale_slope, double rescale_intercept,
                             ClipOrder order);

/// NaN stays NaN.
CTCLIP_HOST_DEVICE inline float clip_hu(float value) {
    return value < -kClipHu ? -kClipHu : (value > kClipHu ? kClipHu : value);
}

/// HU / 1000. Every NaN becomes 0x7FC00000: its other bits would depend on the processor.
CTCLIP_HOST_DEVICE inline float normalised(float hu) {
    return hu == hu ? quotient(hu, 1000.0F) : half_to_float(kHalfNan);
}

CTCLIP_HOST_DEVICE inline float source_voxel(PreprocessRecipe const& recipe, std::uint16_t const* raw_xyz,
                                             std::int32_t x, std::int32_t y, std::int32_t z) {
    std::int64_t const row = std::int64_t{x} * recipe.geometry.y.num_source + y;
    float const stored = widen_half(raw_xyz[row * recipe.geometry.z.num_source + z]);
    float const hu = sum(product(stored, recipe.rescale_slope), recipe.rescale_intercept);
    return recipe.order == ClipOrder::kClipThenResize ? clip_hu(hu) : hu;
}

/// The model's input at (z, x, y), in [-1, 1].
/// @param raw_xyz  fp16 bit patterns, C order (x, y, z), recipe.geometry.num_source_voxels() of them.
CTCLIP_HOST_DEVICE inline float preprocessed_voxel(PreprocessRecipe const& recipe,
                                                   std::uint16_t const* raw_xyz, std::int32_t z,
                                                   std::int32_t x, std::int32_t y) {
    VolumeGeometry const& geometry = recipe.geometry;
    if (geometry.z.is_padding(z) || geometry.x.is_padding(x) || geometry.y.is_padding(y)) {
        return kPaddingValue;
    }
    Taps const taps_z = geometry.z.taps(z);
    Taps const taps_x = geometry.x.taps(x);
    Taps const taps_y = geometry.y.taps(y);
    auto const along_y = [&](std::int32_t source_x, std::int32_t source_z) {
        return interpolate(source_voxel(recipe, raw_xyz, source_x, taps_y.lower, source_z),
                           source_voxel(recipe, raw_xyz, source_x, taps_y.upper, source_z),
                           taps_y.upper_weight);
    };
    auto const along_xy = [&](std::int32_t source_z) {
        return interpolate(along_y(taps_x.lower, source_z), along_y(taps_x.upper, source_z),
                           taps_x.upper_weight);
    };
    float const hu = interpolate(along_xy(taps_z.lower), along_xy(taps_z.upper), taps_z.upper_weight);
    return normalised(recipe.order == ClipOrder::kResizeThenClip ? clip_hu(hu) : hu);
}

/// The model's input at (z, x, y) of a volume that was preprocessed before it was stored, with axes (x, y,
/// z): only widened and permuted.
CTCLIP_HOST_DEVICE inline float stored_voxel(std::int32_t num_y, std::int32_t num_z,
                                             std::uint16_t const* stored_xyz, std::int32_t z, std::int32_t x,
                                             std::int32_t y) {
    std::uint16_t const half = stored_xyz[(std::int64_t{x} * num_y + y) * num_z + z];
    return (half & 0x7FFFU) > kHalfInfinity ? half_to_float(kHalfNan) : widen_half(half);
}

}  // namespace ctclip
