/// A scene -> HU voxels, slice by slice.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "phantom/row_painter.hpp"
#include "phantom/scene.hpp"

namespace ctclip {

/// Where the voxels of a scan are. x and y are centred on the table, z starts at the lowest slice.
struct ScanGrid {
    std::size_t num_x = 0;
    std::size_t num_y = 0;
    std::size_t num_z = 0;
    double spacing_xy_mm = 1.0;
    double spacing_z_mm = 1.0;
};

/// What the scanner adds.
struct ScannerTraits {
    float noise_hu = 0.0F;        ///< standard deviation
    float outside_hu = -1024.0F;  ///< what is written outside the circular field of view
    std::uint64_t noise_seed = 0;
};

/// Every voxel is a pure function of (scene, grid, scanner, its index): slices can be made in any order, by
/// any number of renderers at once (one a thread; the scene is shared and not changed).
class SliceRenderer {
  public:
    SliceRenderer(Scene const& scene, ScanGrid const& grid, ScannerTraits const& scanner);

    /// `out` holds num_y rows of num_x voxels (x fastest), HU in [-1024, 3071] or the outside value.
    void render(std::size_t slice_index, std::span<float> out);

  private:
    struct Item {
        Solid const* solid;
        Bounds bounds;
    };

    void select_solids(float z);
    void paint_stage(Stage stage, std::span<float const> mask);
    void paint_table();
    void paint_soft_tissue();
    void paint_ribs();
    void paint_spine();
    void paint_lungs();
    void paint_septa();
    void paint_pleura();
    void add_noise(std::size_t slice_index, std::size_t row_index);

    Scene const& scene_;
    ScanGrid grid_;
    ScannerTraits scanner_;
    float voxel_mm_;
    float bottom_mm_;

    std::array<std::vector<Item>, kNumStages> items_;    ///< of the whole scene
    std::array<std::vector<Item>, kNumStages> visible_;  ///< those that the current slice shows

    // The current slice and row.
    Squircle body_;
    Squircle cage_;
    Row row_;
    std::span<float> hu_;
    ValueNoise wander_noise_;
    ValueNoise tissue_noise_;
    std::vector<float> wander_;
    std::vector<float> tissue_;
    std::vector<float> cage_distance_;
    std::vector<float> lung_;  ///< share of aerated lung in each voxel
};

}  // namespace ctclip
