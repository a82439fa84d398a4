#include "kernels/preprocess.hpp"

#include <cmath>

#include "base/error.hpp"

namespace ctclip {

PreprocessRecipe make_recipe(VolumeGeometry const& geometry, double rescale_slope, double rescale_intercept,
                             ClipOrder order) {
    auto const slope = static_cast<float>(rescale_slope);
    auto const intercept = static_cast<float>(rescale_intercept);
    require(std::isfinite(slope) && slope != 0.0F, ExitCode::kBadInput,
            "RescaleSlope is {} (it must be finite in float32 and not 0, or every voxel would be lost)",
            rescale_slope);
    require(std::isfinite(intercept), ExitCode::kBadInput,
            "RescaleIntercept is {} (it must be finite in float32, or every voxel would be lost)",
            rescale_intercept);
    return {geometry, slope, intercept, order};
}

}  // namespace ctclip
