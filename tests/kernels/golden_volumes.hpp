/// The golden volumes: inputs by formula, expected model inputs by SHA-256 (made by the Python reference).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/preprocess.hpp"

namespace ctclip {

struct GoldenVolume {
    std::string name;
    std::vector<std::int64_t> shape_xyz;
    double slope = 1.0;
    double intercept = 0.0;
    double xy_spacing_mm = 1.0;
    double z_spacing_mm = 1.0;
    TargetGrid target;
    std::vector<std::int64_t> resized_xyz;
    std::vector<std::vector<std::int64_t>>
        crop_pad_xyz;  ///< per axis: crop start, crop end, pad before, pad after
    std::string raw_sha256;
    std::string clip_then_resize_sha256;  ///< empty: not given
    std::string resize_then_clip_sha256;

    // The input formula.
    std::string kind;
    std::uint64_t seed = 0;
    std::int64_t phantom_intercept = 0;
    std::int64_t outside_hu = 0;
    std::uint64_t special_rate = 0;

    std::string const& expected_sha256(ClipOrder order) const {
        return order == ClipOrder::kClipThenResize ? clip_then_resize_sha256 : resize_then_clip_sha256;
    }
    PreprocessRecipe recipe(ClipOrder order) const;
    /// fp16 bit patterns, C order (x, y, z).
    std::vector<std::uint16_t> raw() const;
};

std::vector<GoldenVolume> golden_volumes();

}  // namespace ctclip
