#include "jobs/shard_preprocessor.hpp"

#include <memory>

#include "base/half.hpp"
#include "kernels/preprocess_cpu.hpp"
#include "kernels/volume_geometry.hpp"

namespace ctclip {
namespace {

/// (z, x, y) -> (x, y, z). Blocks of y keep the strided side inside the cache.
void store_xyz(std::span<float const> input_zxy, VolumeShape const& shape_xyz,
               std::span<std::uint16_t> stored_xyz) {
    constexpr std::size_t kBlock = 16;
    auto const num_x = static_cast<std::size_t>(shape_xyz[0]);
    auto const num_y = static_cast<std::size_t>(shape_xyz[1]);
    auto const num_z = static_cast<std::size_t>(shape_xyz[2]);
    for (std::size_t x = 0; x < num_x; ++x) {
        for (std::size_t first_y = 0; first_y < num_y; first_y += kBlock) {
            std::size_t const end_y = std::min(first_y + kBlock, num_y);
            for (std::size_t z = 0; z < num_z; ++z) {
                for (std::size_t y = first_y; y < end_y; ++y) {
                    stored_xyz[(x * num_y + y) * num_z + z] =
                        half_from(input_zxy[(z * num_x + x) * num_y + y]);
                }
            }
        }
    }
}

struct Preprocessor {
    TargetGrid target;
    PreprocessScratch scratch;
    std::vector<float> input_zxy;

    PreprocessedVolume operator()(SampleMetadata const& metadata, std::span<std::uint16_t const> halves) {
        PreprocessRecipe const recipe = make_recipe(
            plan_geometry(metadata.volume_shape, metadata.xy_spacing_mm, metadata.z_spacing_mm, target),
            metadata.rescale_slope, metadata.rescale_intercept, ClipOrder::kClipThenResize);
        input_zxy.resize(static_cast<std::size_t>(target.num_voxels()));
        preprocess(recipe, halves, input_zxy, scratch);
        PreprocessedVolume volume;
        volume.shape = {target.shape_zxy[1], target.shape_zxy[2], target.shape_zxy[0]};
        volume.halves.resize(input_zxy.size());
        store_xyz(input_zxy, volume.shape, volume.halves);
        return volume;
    }
};

}  // namespace

VolumePreprocessor make_shard_preprocessor() {
    auto const preprocessor = std::make_shared<Preprocessor>();
    return [preprocessor](SampleMetadata const& metadata, std::span<std::uint16_t const> halves) {
        return (*preprocessor)(metadata, halves);
    };
}

}  // namespace ctclip
