#include "phantom/anatomy.hpp"

#include <array>

#include "phantom/tissue.hpp"

namespace ctclip {
namespace {

constexpr std::array<Side, 2> kSides = {Side::kRight, Side::kLeft};

void add_rod(Scene& scene, Stage stage, Vec3 from, Vec3 to, float radius_mm, float hu) {
    scene.add(stage, {.shape = Capsule{from, to, radius_mm, radius_mm}, .hu = hu});
}

void add_breasts(Scene& scene) {
    for (Side const side : kSides) {
        float const front = scene.thorax.body(-20.0F).centre_y - scene.thorax.body(-20.0F).half_depth;
        Vec3 const centre{78.0F * side_sign(side), front + 22.0F, -28.0F};
        scene.add(Stage::kSurface, {.shape = Ellipsoid(centre, {58.0F, 44.0F, 54.0F}), .hu = tissue::kSkin});
        scene.add(Stage::kSurface, {.shape = Ellipsoid(centre, {56.0F, 42.0F, 52.0F}), .hu = tissue::kFat});
        scene.add(Stage::kSurface, {.shape = Ellipsoid(centre, {34.0F, 30.0F, 30.0F}),
                                    .hu = 20.0F,
                                    .opacity = 0.7F,
                                    .softness_mm = 14.0F,
                                    .roughness_mm = 14.0F});
    }
}

void add_shoulder(Scene& scene, Side side) {
    float const s = side_sign(side);
    float const back = scene.thorax.rib_cage(60.0F).centre_y + scene.thorax.rib_cage(60.0F).half_depth;
    // Muscles first, the bones lie in them.
    scene.add(Stage::kWall,
              {.shape = Ellipsoid({s * 92.0F, -62.0F, 62.0F}, {52.0F, 11.0F, 44.0F}, {0.86F, s * 0.5F, 0.0F}),
               .hu = tissue::kMuscle});
    scene.add(Stage::kWall, {.shape = Ellipsoid({s * 104.0F, back - 12.0F, 62.0F}, {62.0F, 17.0F, 72.0F},
                                                {0.86F, -s * 0.5F, 0.0F}),
                             .hu = tissue::kMuscle});
    scene.add(Stage::kWall, {.shape = Ellipsoid({s * 158.0F, 18.0F, 122.0F}, {38.0F, 40.0F, 46.0F}),
                             .hu = tissue::kMuscle});
    Ellipsoid const blade({s * 103.0F, back - 8.0F, 55.0F}, {50.0F, 4.2F, 56.0F}, {0.82F, -s * 0.57F, 0.0F});
    scene.add(Stage::kWall, {.shape = blade, .hu = tissue::kCortex * 0.8F});
    scene.add(Stage::kWall, {.shape = blade.grown(-2.2F), .hu = tissue::kMarrow});
    for (float const inner : {0.0F, 3.0F}) {
        scene.add(Stage::kWall, {.shape = Ellipsoid({s * 158.0F, 22.0F, 126.0F},
                                                    {23.0F - inner, 23.0F - inner, 24.0F - inner}),
                                 .hu = inner > 0.0F ? tissue::kMarrow : tissue::kCortex});
    }
    for (float const inner : {0.0F, 2.4F}) {
        add_rod(scene, Stage::kWall, {s * 24.0F, -50.0F, 104.0F}, {s * 78.0F, -34.0F, 120.0F}, 6.0F - inner,
                inner > 0.0F ? tissue::kMarrow : tissue::kCortex);
        add_rod(scene, Stage::kWall, {s * 78.0F, -34.0F, 120.0F}, {s * 138.0F, 4.0F, 132.0F}, 6.0F - inner,
                inner > 0.0F ? tissue::kMarrow : tissue::kCortex);
    }
}

void add_back(Scene& scene) {
    for (Side const side : kSides) {
        float const s = side_sign(side);
        for (float z = -180.0F; z < 170.0F; z += 24.0F) {
            Vec3 const spine = scene.thorax.spine(z);
            add_rod(scene, Stage::kWall, spine + Vec3{s * 27.0F, 33.0F, 0.0F},
                    scene.thorax.spine(z + 24.0F) + Vec3{s * 27.0F, 33.0F, 24.0F - 24.0F}, 19.0F,
                    tissue::kMuscle);
        }
    }
}

void add_sternum(Scene& scene) {
    auto const front = [&](float z) {
        return scene.thorax.rib_cage(z).centre_y - scene.thorax.rib_cage(z).half_depth;
    };
    auto const plate = [&](float z, Vec3 radii) {
        Ellipsoid const bone({0.0F, front(z) - 7.0F, z}, radii, {1.0F, 0.0F, 0.0F});
        scene.add(Stage::kWall, {.shape = bone, .hu = tissue::kCortex * 0.7F});
        scene.add(Stage::kWall, {.shape = bone.grown(-2.0F), .hu = tissue::kMarrow * 0.8F});
    };
    plate(72.0F, {26.0F, 7.0F, 26.0F});
    for (float z = 34.0F; z > -50.0F; z -= 24.0F) {
        plate(z, {17.0F, 6.5F, 17.0F});
    }
}

void add_heart(Scene& scene) {
    Ellipsoid const& heart = scene.thorax.heart();
    scene.add(Stage::kMediastinum, {.shape = heart.grown(7.0F), .hu = tissue::kFat, .roughness_mm = 4.0F});
    scene.add(Stage::kMediastinum, {.shape = heart, .hu = tissue::kMuscle});
    // Blood is a little darker than the muscle around it.
    Vec3 const c = heart.centre();
    float const size = heart.radii().x / 62.0F;
    scene.add(Stage::kMediastinum,
              {.shape = Ellipsoid(c + Vec3{14.0F, -4.0F, -8.0F} * size, Vec3{30.0F, 18.0F, 18.0F} * size,
                                  {0.78F, -0.42F, -0.46F}),
               .hu = 38.0F,
               .softness_mm = 4.0F});
    scene.add(Stage::kMediastinum,
              {.shape = Ellipsoid(c + Vec3{-24.0F, -6.0F, 6.0F} * size, Vec3{22.0F, 24.0F, 26.0F} * size),
               .hu = 38.0F,
               .softness_mm = 4.0F});
}

void add_great_vessels(Scene& scene) {
    float constexpr kHu = tissue::kBlood;
    auto const rod = [&](Vec3 from, Vec3 to, float radius_mm) {
        add_rod(scene, Stage::kMediastinum, from, to, radius_mm, kHu);
    };
    rod({-28.0F, -6.0F, -160.0F}, {-26.0F, -8.0F, -40.0F}, 11.0F);  // inferior vena cava
    rod({-28.0F, -14.0F, -20.0F}, {-26.0F, -14.0F, 92.0F}, 8.5F);   // superior vena cava
    rod({-26.0F, -14.0F, 92.0F}, {-34.0F, -6.0F, 150.0F}, 7.0F);
    rod({-26.0F, -16.0F, 84.0F}, {30.0F, -20.0F, 104.0F}, 6.0F);  // left brachiocephalic vein
    rod({30.0F, -20.0F, 104.0F}, {38.0F, -6.0F, 150.0F}, 6.0F);
    rod({12.0F, -30.0F, 8.0F}, {18.0F, -10.0F, 38.0F}, 13.0F);  // pulmonary trunk
    rod({18.0F, -10.0F, 38.0F}, {46.0F, 6.0F, 36.0F}, 9.5F);
    rod({14.0F, -8.0F, 32.0F}, {-42.0F, 2.0F, 26.0F}, 9.0F);
    for (int part = 0; part < kNumAorticParts; ++part) {
        scene.add(Stage::kMediastinum, {.shape = aortic_arch_part(part), .hu = kHu});
    }
    rod({-8.0F, -8.0F, 78.0F}, {-24.0F, 0.0F, 150.0F}, 6.0F);  // brachiocephalic, carotid, subclavian
    rod({4.0F, 4.0F, 80.0F}, {14.0F, 4.0F, 150.0F}, 4.0F);
    rod({14.0F, 18.0F, 78.0F}, {30.0F, 18.0F, 150.0F}, 4.5F);
}

void add_airways_and_oesophagus(Scene& scene) {
    scene.add(Stage::kMediastinum,
              {.shape = Capsule{{6.0F, 36.0F, 150.0F}, {4.0F, 42.0F, -60.0F}, 7.0F, 7.5F}, .hu = 38.0F});
    scene.add(Stage::kMediastinum,
              {.shape = Capsule{{4.0F, 42.0F, -60.0F}, {26.0F, 12.0F, -116.0F}, 7.5F, 8.0F}, .hu = 38.0F});
    scene.add(Stage::kMediastinum,
              {.shape = Capsule{{6.0F, 35.0F, 120.0F}, {5.0F, 39.0F, 20.0F}, 1.6F, 1.6F}, .hu = -500.0F});
    std::array<Capsule, 3> const airways = {{
        {{0.0F, 16.0F, 160.0F}, {0.0F, 20.0F, 46.0F}, 8.8F, 8.2F},
        {{0.0F, 20.0F, 46.0F}, {-38.0F, 10.0F, 22.0F}, 6.8F, 5.6F},
        {{0.0F, 20.0F, 46.0F}, {42.0F, 14.0F, 20.0F}, 6.2F, 5.2F},
    }};
    for (float const wall_mm : {1.8F, 0.0F}) {
        for (Capsule airway : airways) {
            airway.from_radius_mm += wall_mm;
            airway.to_radius_mm += wall_mm;
            scene.add(Stage::kMediastinum,
                      {.shape = airway, .hu = wall_mm > 0.0F ? tissue::kNode : tissue::kAir});
        }
    }
}

void add_upper_abdomen(Scene& scene) {
    auto const organ = [&](Ellipsoid const& shape, float hu) {
        scene.add(Stage::kMediastinum, {.shape = shape, .hu = hu});
    };
    Ellipsoid const& left = scene.thorax.left_dome();
    organ(left, tissue::kFat);
    organ(scene.thorax.right_dome(), tissue::kLiver);
    organ(Ellipsoid({-6.0F, -34.0F, -138.0F}, {66.0F, 38.0F, 40.0F}), tissue::kLiver);  // left lobe
    Vec3 const c = left.centre();
    organ(Ellipsoid(c + Vec3{22.0F, 36.0F, 22.0F}, {34.0F, 42.0F, 46.0F}), tissue::kSpleen);
    organ(Ellipsoid(c + Vec3{-2.0F, -28.0F, 30.0F}, {48.0F, 44.0F, 40.0F}),
          38.0F);  // stomach, its air in front
    organ(Ellipsoid(c + Vec3{-2.0F, -46.0F, 40.0F}, {28.0F, 16.0F, 18.0F}), -950.0F);
}

}  // namespace

Capsule aortic_arch_part(int part) {
    struct Knot {
        Vec3 point;
        float radius_mm;
    };
    static constexpr std::array<Knot, kNumAorticParts + 1> kKnots = {{
        {{-4.0F, -22.0F, 4.0F}, 16.0F},
        {{-12.0F, -24.0F, 56.0F}, 15.5F},
        {{0.0F, -2.0F, 72.0F}, 14.0F},
        {{20.0F, 34.0F, 66.0F}, 12.5F},
        {{25.0F, 52.0F, 42.0F}, 12.0F},
        {{18.0F, 56.0F, -165.0F}, 11.0F},
    }};
    Knot const& from = kKnots[static_cast<std::size_t>(part)];
    Knot const& to = kKnots[static_cast<std::size_t>(part) + 1];
    return {from.point, to.point, from.radius_mm, to.radius_mm};
}

void add_chest_wall(Scene& scene) {
    if (scene.thorax.has_breasts()) {
        add_breasts(scene);
    }
    add_back(scene);
    for (Side const side : kSides) {
        add_shoulder(scene, side);
    }
    add_sternum(scene);
}

void add_mediastinum(Scene& scene) {
    add_great_vessels(scene);
    add_airways_and_oesophagus(scene);
    add_heart(scene);
    add_upper_abdomen(scene);
}

}  // namespace ctclip
