#include "kernels/preprocess_cpu.hpp"

#include "base/error.hpp"

namespace ctclip {

void preprocess_reference(PreprocessRecipe const& recipe, std::span<std::uint16_t const> raw_xyz,
                          std::span<float> input_zxy) {
    VolumeGeometry const& geometry = recipe.geometry;
    CTCLIP_EXPECT(static_cast<std::int64_t>(raw_xyz.size()) == geometry.num_source_voxels());
    CTCLIP_EXPECT(static_cast<std::int64_t>(input_zxy.size()) == geometry.num_target_voxels());
    float* voxel = input_zxy.data();
    for (std::int32_t z = 0; z < geometry.z.num_target; ++z) {
        for (std::int32_t x = 0; x < geometry.x.num_target; ++x) {
            for (std::int32_t y = 0; y < geometry.y.num_target; ++y) {
                *voxel++ = preprocessed_voxel(recipe, raw_xyz.data(), z, x, y);
            }
        }
    }
}

void widen_stored_reference(std::span<std::int64_t const> shape_xyz,
                            std::span<std::uint16_t const> stored_xyz, std::span<float> input_zxy) {
    CTCLIP_EXPECT(stored_xyz.size() == input_zxy.size());
    auto const num_x = static_cast<std::int32_t>(shape_xyz[0]);
    auto const num_y = static_cast<std::int32_t>(shape_xyz[1]);
    auto const num_z = static_cast<std::int32_t>(shape_xyz[2]);
    float* voxel = input_zxy.data();
    for (std::int32_t z = 0; z < num_z; ++z) {
        for (std::int32_t x = 0; x < num_x; ++x) {
            for (std::int32_t y = 0; y < num_y; ++y) {
                *voxel++ = stored_voxel(num_y, num_z, stored_xyz.data(), z, x, y);
            }
        }
    }
}

}  // namespace ctclip
