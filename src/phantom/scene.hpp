/// Everything that one phantom shows: the chest, the solids painted into it, and what fills the lungs.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "phantom/shapes.hpp"
#include "phantom/sign.hpp"
#include "phantom/thorax.hpp"

namespace ctclip {

/// When a solid is painted. Later stages cover earlier ones; within a stage, later solids cover earlier ones.
enum class Stage : std::size_t {
    kSurface,      ///< breasts: under the skin of the chest
    kWall,         ///< muscles and bones outside the rib cage
    kLung,         ///< only where there is aerated lung
    kMediastinum,  ///< heart, great vessels, airways outside the lung, organs below the diaphragm
    kOverlay,      ///< calcium and metal
};
inline constexpr std::size_t kNumStages = 5;

/// One solid and how it is mixed into what was there before.
struct Solid {
    Shape3 shape;
    float hu = 0.0F;
    float opacity = 1.0F;       ///< (0, 1]
    float softness_mm = 0.0F;   ///< width of a blurred edge; 0: as sharp as the voxels allow
    float roughness_mm = 0.0F;  ///< how far the edge wanders
};

/// Cells about `cell_mm` wide that partition the lung, as secondary lobules do.
struct LobulePattern {
    float cell_mm = 0.0F;
    std::uint64_t seed = 0;
};

/// What fills the aerated lung.
struct Parenchyma {
    float hu = -860.0F;
    float bright_lobule_hu = 0.0F;  ///< added in half of the lobules; 0: no mosaic
    float dark_lobule_hu = 0.0F;    ///< added in the other half
    LobulePattern mosaic;
    float septum_thickness_mm = 0.0F;  ///< 0: septa too thin to see
    LobulePattern septa;
};

/// Fluid behind the lung of a patient who lies on the back.
struct PleuralFluid {
    float depth_mm = 0.0F;  ///< at the lung base; 0: none
    float top_z = 0.0F;     ///< where the layer ends
};

struct Scene {
    explicit Scene(Thorax const& own_thorax) : thorax(own_thorax) {}

    Thorax thorax;
    std::array<std::vector<Solid>, kNumStages> solids;
    Parenchyma parenchyma;
    std::array<PleuralFluid, 2> pleural_fluid;  ///< right, left
    float apical_cap_mm = 0.0F;                 ///< scar over the top of the lungs
    std::uint64_t seed = 0;

    void add(Stage stage, Solid const& solid) { solids[static_cast<std::size_t>(stage)].push_back(solid); }
};

/// @param severity  1 is a clear case; it scales sizes, counts and contrasts of all signs. In [0.25, 4].
Scene make_scene(std::uint64_t study_seed, SignSet const& signs, float severity);

}  // namespace ctclip
