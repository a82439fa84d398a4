#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "phantom/findings.hpp"
#include "phantom/lung_tree.hpp"
#include "phantom/random_stream.hpp"
#include "phantom/tissue.hpp"

namespace ctclip {
namespace {

int scaled_count(RandomStream& random, int low, int high, float severity) {
    return std::max(1,
                    static_cast<int>(std::lround(static_cast<float>(random.between(low, high)) * severity)));
}

Side random_side(RandomStream& random) {
    return random.chance(0.5) ? Side::kRight : Side::kLeft;
}

constexpr Side other_side(Side side) {
    return side == Side::kRight ? Side::kLeft : Side::kRight;
}

/// Several overlapping balls: an area with an irregular outline, about `radius_mm` in radius.
struct Patch {
    Vec3 centre;
    float radius_mm;
    float hu;
    float opacity;
    float softness_mm;
};

void add_patch(Scene& scene, RandomStream& random, Patch const& patch) {
    int const num_lobes = random.between(4, 6);
    for (int i = 0; i < num_lobes; ++i) {
        float const radius_mm = patch.radius_mm * random.uniform(0.55F, 0.75F);
        Vec3 const centre =
            patch.centre + random.direction() * (patch.radius_mm * random.uniform(0.3F, 0.55F));
        Ellipsoid const lobe(centre, {radius_mm * random.uniform(0.9F, 1.3F), radius_mm, radius_mm},
                             random.direction());
        scene.add(Stage::kLung, {.shape = lobe,
                                 .hu = patch.hu,
                                 .opacity = patch.opacity,
                                 .softness_mm = patch.softness_mm,
                                 .roughness_mm = 0.25F * patch.radius_mm});
    }
}

}  // namespace

void add_emphysema(Scene& scene, float severity) {
    RandomStream random(scene.seed, "emphysema");
    scene.parenchyma.hu -= 45.0F * std::min(severity, 1.5F);
    for (Side const side : {Side::kRight, Side::kLeft}) {
        int const num_holes = scaled_count(random, 70, 110, severity);
        for (int i = 0; i < num_holes; ++i) {
            Vec3 const centre = scene.thorax.point_in_lung(random, side, -40.0F, 118.0F, 2.0F);
            float const radius_mm = random.uniform(3.5F, 9.0F) * std::cbrt(severity);
            scene.add(Stage::kLung, {.shape = Ellipsoid(centre, {radius_mm * 1.3F, radius_mm, radius_mm},
                                                        random.direction()),
                                     .hu = -985.0F,
                                     .opacity = 0.95F,
                                     .softness_mm = 2.0F,
                                     .roughness_mm = 3.0F});
        }
        int const num_bullae = random.between(1, 3);
        for (int i = 0; i < num_bullae; ++i) {
            Vec3 const centre = scene.thorax.point_in_lung(random, side, 40.0F, 112.0F, 4.0F);
            float const radius_mm = random.uniform(14.0F, 24.0F) * std::cbrt(severity);
            Ellipsoid const bulla(centre, {radius_mm, radius_mm, radius_mm * 1.2F}, random.direction());
            scene.add(Stage::kLung, {.shape = bulla.grown(1.2F), .hu = -600.0F});
            scene.add(Stage::kLung, {.shape = bulla, .hu = -990.0F});
        }
    }
}

void add_atelectasis(Scene& scene, float severity) {
    RandomStream random(scene.seed, "atelectasis");
    Side const side = random_side(random);
    int const num_plates = scaled_count(random, 2, 3, severity);
    float z = random.uniform(-62.0F, -48.0F);
    for (int i = 0; i < num_plates; ++i) {
        Side const here = i == 0 || random.chance(0.6) ? side : other_side(side);
        Vec3 const centre{side_sign(here) * random.uniform(70.0F, 84.0F), random.uniform(16.0F, 40.0F), z};
        Vec3 const normal =
            normalised({side_sign(here) * random.uniform(-0.35F, 0.15F), random.uniform(0.1F, 0.55F), 0.85F});
        Ellipsoid const plate(centre, Vec3{6.5F * std::cbrt(severity), 46.0F, 40.0F}, normal);
        scene.add(Stage::kLung, {.shape = plate, .hu = 45.0F, .roughness_mm = 5.0F});
        z += random.uniform(18.0F, 28.0F);
    }
}

void add_lung_nodules(Scene& scene, float severity) {
    RandomStream random(scene.seed, "lung nodules");
    int const count = scaled_count(random, 2, 4, severity);
    for (int i = 0; i < count; ++i) {
        float const radius_mm = random.uniform(6.0F, 12.0F) * std::cbrt(severity);
        Vec3 const centre =
            scene.thorax.point_in_lung(random, random_side(random), -80.0F, 95.0F, radius_mm + 3.0F);
        Ellipsoid const nodule(centre, {radius_mm * random.uniform(1.0F, 1.15F), radius_mm, radius_mm},
                               random.direction());
        scene.add(Stage::kLung, {.shape = nodule, .hu = random.uniform(30.0F, 70.0F), .roughness_mm = 1.0F});
    }
}

void add_lung_opacity(Scene& scene, float severity) {
    RandomStream random(scene.seed, "lung opacity");
    int const count = scaled_count(random, 4, 6, severity);
    for (int i = 0; i < count; ++i) {
        Vec3 const centre = scene.thorax.point_in_lung(random, random_side(random), -80.0F, 80.0F, 10.0F);
        add_patch(scene, random,
                  {centre, random.uniform(24.0F, 36.0F) * std::cbrt(severity), -470.0F, 0.62F, 14.0F});
    }
}

void add_fibrotic_sequela(Scene& scene, float severity) {
    RandomStream random(scene.seed, "fibrotic sequela");
    scene.apical_cap_mm = random.uniform(9.0F, 14.0F) * std::cbrt(severity);
    for (Side const side : {Side::kRight, Side::kLeft}) {
        Vec3 const knot = scene.thorax.point_in_lung(random, side, 72.0F, 92.0F, 12.0F);
        int const num_strands = scaled_count(random, 9, 13, severity);
        for (int i = 0; i < num_strands; ++i) {
            Vec3 const way = random.direction();
            Vec3 const from = knot + random.direction() * random.uniform(0.0F, 10.0F);
            Vec3 const to = from + Vec3{way.x, way.y, 0.6F * way.z + 0.25F} * random.uniform(22.0F, 44.0F);
            float const radius_mm = random.uniform(1.4F, 3.0F) * std::cbrt(severity);
            scene.add(
                Stage::kLung,
                {.shape = Capsule{from, to, radius_mm, 0.5F * radius_mm}, .hu = 25.0F, .roughness_mm = 1.5F});
        }
        add_patch(scene, random, {knot, 11.0F * std::cbrt(severity), 20.0F, 0.9F, 3.0F});
    }
}

void add_pleural_effusion(Scene& scene, float severity) {
    RandomStream random(scene.seed, "pleural effusion");
    Side const main_side = random_side(random);
    bool const is_bilateral = random.chance(0.5);
    for (Side const side : {Side::kRight, Side::kLeft}) {
        bool const is_main = side == main_side;
        if (is_main || is_bilateral) {
            float const share = is_main ? 1.0F : 0.6F;
            scene.pleural_fluid[static_cast<std::size_t>(side)] = {
                .depth_mm = share * random.uniform(42.0F, 58.0F) * std::min(std::sqrt(severity), 1.5F),
                .top_z = random.uniform(20.0F, 60.0F) * share};
        }
    }
}

void add_mosaic_attenuation(Scene& scene, float severity) {
    RandomStream random(scene.seed, "mosaic attenuation");
    float const strength = std::min(severity, 1.6F);
    scene.parenchyma.bright_lobule_hu = 170.0F * strength;
    scene.parenchyma.dark_lobule_hu = -75.0F * std::min(strength, 1.2F);
    scene.parenchyma.mosaic = {.cell_mm = random.uniform(24.0F, 32.0F), .seed = random.bits()};
}

void add_consolidation(Scene& scene, float severity) {
    RandomStream random(scene.seed, "consolidation");
    Side const side = random_side(random);
    Vec3 const centre = scene.thorax.point_in_lung(random, side, -62.0F, 74.0F, 20.0F);
    float const radius_mm = random.uniform(34.0F, 44.0F) * std::cbrt(severity);
    add_patch(scene, random, {centre, radius_mm, 38.0F, 1.0F, 4.0F});
    // Air bronchograms.
    Vec3 const outwards = normalised(centre - scene.thorax.hilum(side) + Vec3{0.0F, 0.1F, 0.0F});
    Vec3 const start = centre - outwards * radius_mm;
    for (int i = 0; i < 4; ++i) {
        Vec3 const end = centre + outwards * (0.4F * radius_mm) + random.direction() * (0.6F * radius_mm);
        scene.add(Stage::kLung, {.shape = Capsule{start, end, 2.6F, 1.3F}, .hu = -900.0F});
    }
}

void add_bronchiectasis(Scene& scene, float severity) {
    RandomStream random(scene.seed, "bronchiectasis");
    std::vector<Solid> lumens;
    float const size = std::cbrt(severity);
    for (int cluster = 0; cluster < 3; ++cluster) {
        Side const side = random_side(random);
        Vec3 const centre = scene.thorax.point_in_lung(random, side, -70.0F, -10.0F, 16.0F);
        Vec3 const outwards = normalised(centre - scene.thorax.hilum(side) + Vec3{0.0F, 0.1F, -0.1F});
        int const num_tubes = scaled_count(random, 6, 8, severity);
        for (int i = 0; i < num_tubes; ++i) {
            Vec3 const middle = centre + random.direction() * random.uniform(6.0F, 24.0F);
            Vec3 const way = normalised(outwards + random.direction() * 0.5F) * random.uniform(12.0F, 20.0F);
            float const lumen_mm = random.uniform(4.0F, 6.5F) * size;
            float const wall_mm = 2.2F * size;
            scene.add(Stage::kLung, {.shape = Capsule{middle - way, middle + way, lumen_mm + wall_mm,
                                                      lumen_mm + 1.3F * wall_mm},
                                     .hu = 30.0F});
            lumens.push_back({.shape = Capsule{middle - way, middle + way, lumen_mm, 1.15F * lumen_mm},
                              .hu = tissue::kAir});
        }
    }
    for (Solid const& lumen : lumens) {
        scene.add(Stage::kLung, lumen);
    }
}

void add_septal_thickening(Scene& scene, float severity) {
    RandomStream random(scene.seed, "septal thickening");
    scene.parenchyma.septum_thickness_mm = random.uniform(2.2F, 3.0F) * std::min(severity, 2.0F);
    scene.parenchyma.septa = {.cell_mm = random.uniform(17.0F, 22.0F), .seed = random.bits()};
}

float thickened_bronchial_wall_mm(std::uint64_t study_seed, float severity) {
    RandomStream random(study_seed, "peribronchial thickening");
    return random.uniform(2.6F, 3.6F) * std::min(severity, 2.0F);
}

}  // namespace ctclip
