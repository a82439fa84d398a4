/// Small phantoms for tests.
#pragma once

#include <vector>

#include "phantom/scene.hpp"
#include "phantom/slice_renderer.hpp"

namespace ctclip {

inline constexpr double kFieldMm = 380.0;
inline constexpr double kHeightMm = 306.0;

inline SignSet only(Sign sign) {
    return SignSet().set(index_of(sign));
}

/// Cubes of `size` voxels that cover the whole chest.
inline ScanGrid cube_grid(std::size_t size) {
    auto const count = static_cast<double>(size);
    return {size, size, size, kFieldMm / count, kHeightMm / count};
}

/// HU, x fastest, then y, then z; without noise.
inline std::vector<float> render_scene(Scene const& scene, ScanGrid const& grid) {
    SliceRenderer renderer(scene, grid, {});
    std::size_t const slice_voxels = grid.num_x * grid.num_y;
    std::vector<float> volume(slice_voxels * grid.num_z);
    for (std::size_t z = 0; z < grid.num_z; ++z) {
        renderer.render(z, std::span(volume).subspan(z * slice_voxels, slice_voxels));
    }
    return volume;
}

inline std::vector<float> render_signs(std::uint64_t study_seed, SignSet const& signs, std::size_t size) {
    return render_scene(make_scene(study_seed, signs, 1.0F), cube_grid(size));
}

}  // namespace ctclip
