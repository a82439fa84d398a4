#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "phantom/anatomy.hpp"
#include "phantom/findings.hpp"
#include "phantom/random_stream.hpp"
#include "phantom/tissue.hpp"

namespace ctclip {
namespace {

int scaled_count(RandomStream& random, int low, int high, float severity) {
    return std::max(1,
                    static_cast<int>(std::lround(static_cast<float>(random.between(low, high)) * severity)));
}

void add_wire(Scene& scene, std::vector<Vec3> const& points, float radius_mm) {
    for (std::size_t i = 1; i < points.size(); ++i) {
        scene.add(Stage::kOverlay,
                  {.shape = Capsule{points[i - 1], points[i], radius_mm, radius_mm}, .hu = tissue::kMetal});
    }
}

float front_of_body(Scene const& scene, float x, float z) {
    Squircle const body = scene.thorax.body(z);
    float y = body.centre_y;
    while (body.distance(x, y) < 0.0F) {
        y -= 1.0F;
    }
    return y;
}

void add_pacemaker(Scene& scene, float severity) {
    float const y = front_of_body(scene, 84.0F, 84.0F) + 14.0F;
    Vec3 const can{84.0F, y, 84.0F};
    scene.add(Stage::kOverlay,
              {.shape = Ellipsoid(can, Vec3{24.0F, 6.0F, 21.0F} * std::sqrt(severity), {0.9F, 0.4F, 0.0F}),
               .hu = tissue::kMetal});
    Vec3 const apex = scene.thorax.heart().surface_point({0.8F, 0.0F, -0.3F});
    add_wire(scene,
             {can,
              {62.0F, -48.0F, 100.0F},
              {20.0F, -24.0F, 102.0F},
              {-24.0F, -15.0F, 84.0F},
              {-26.0F, -14.0F, 8.0F},
              {-12.0F, -20.0F, -34.0F},
              apex},
             1.5F * std::sqrt(severity));
}

void add_port(Scene& scene, float severity) {
    float const y = front_of_body(scene, -76.0F, 78.0F) + 13.0F;
    Vec3 const chamber{-76.0F, y, 78.0F};
    scene.add(Stage::kOverlay, {.shape = Ellipsoid(chamber, Vec3{14.0F, 7.0F, 14.0F} * std::sqrt(severity)),
                                .hu = tissue::kMetal});
    add_wire(scene,
             {chamber,
              {-60.0F, -46.0F, 112.0F},
              {-34.0F, -12.0F, 118.0F},
              {-26.0F, -14.0F, 86.0F},
              {-27.0F, -14.0F, 10.0F}},
             1.8F * std::sqrt(severity));
}

void add_sternal_wires(Scene& scene, float severity) {
    for (float z = 82.0F; z > -50.0F; z -= 22.0F) {
        Squircle const cage = scene.thorax.rib_cage(z);
        float const y = cage.centre_y - cage.half_depth - 7.0F;
        std::vector<Vec3> loop;
        for (int corner = 0; corner <= 12; ++corner) {
            float const angle = static_cast<float>(corner) * std::numbers::pi_v<float> / 6.0F;
            loop.push_back({19.0F * std::cos(angle), y + 8.5F * std::sin(angle), z + 2.0F * std::sin(angle)});
        }
        add_wire(scene, loop, 1.2F * std::sqrt(severity));
    }
    // The prosthetic valve behind the sternum that the wires closed over.
    Vec3 const valve{-4.0F, -24.0F, -4.0F};
    std::vector<Vec3> ring;
    for (int corner = 0; corner <= 12; ++corner) {
        float const angle = static_cast<float>(corner) * std::numbers::pi_v<float> / 6.0F;
        ring.push_back(valve + Vec3{13.0F * std::cos(angle), 9.0F * std::sin(angle), 9.0F * std::sin(angle)});
    }
    add_wire(scene, ring, 2.0F * std::sqrt(severity));
}

/// A point on the wall of a tapered rod.
Vec3 wall_point(Capsule const& rod, float along, float angle) {
    Vec3 const axis = normalised(rod.to - rod.from);
    Vec3 const other = std::abs(axis.z) < 0.8F ? Vec3{0.0F, 0.0F, 1.0F} : Vec3{1.0F, 0.0F, 0.0F};
    Vec3 const across = normalised(cross(axis, other));
    Vec3 const third = cross(axis, across);
    float const radius = rod.from_radius_mm + (rod.to_radius_mm - rod.from_radius_mm) * along;
    return rod.from + (rod.to - rod.from) * along + across * (radius * std::cos(angle)) +
           third * (radius * std::sin(angle));
}

}  // namespace

void add_medical_material(Scene& scene, float severity) {
    RandomStream random(scene.seed, "medical material");
    using Device = void (*)(Scene&, float);
    static constexpr std::array<Device, 3> kDevices = {add_pacemaker, add_port, add_sternal_wires};
    random.pick(kDevices)(scene, severity);
}

void add_arterial_calcification(Scene& scene, float severity) {
    RandomStream random(scene.seed, "arterial calcification");
    int const count = scaled_count(random, 16, 26, severity);
    for (int i = 0; i < count; ++i) {
        int const part = random.between(1, kNumAorticParts - 1);
        Capsule const aorta = aortic_arch_part(part);
        float const along =
            part == kNumAorticParts - 1 ? random.uniform(0.0F, 0.75F) : random.uniform(0.0F, 1.0F);
        float const angle = random.uniform(0.0F, 2.0F * std::numbers::pi_v<float>);
        float const radius_mm = random.uniform(1.8F, 3.2F) * std::sqrt(severity);
        // A plaque: a short arc along the wall.
        Capsule const plaque{wall_point(aorta, along, angle),
                             wall_point(aorta, along, angle + random.uniform(0.3F, 0.9F)), radius_mm,
                             0.7F * radius_mm};
        scene.add(Stage::kOverlay, {.shape = plaque, .hu = tissue::kCalcium});
    }
}

float enlarged_heart_scale(std::uint64_t study_seed, float severity) {
    RandomStream random(study_seed, "cardiomegaly");
    return 1.0F + random.uniform(0.24F, 0.34F) * std::min(severity, 1.5F);
}

void add_pericardial_effusion(Scene& scene, float severity) {
    RandomStream random(scene.seed, "pericardial effusion");
    float const depth_mm = random.uniform(13.0F, 20.0F) * std::min(severity, 1.6F);
    Ellipsoid const& heart = scene.thorax.heart();
    // Fluid lies between the two fat layers, deeper below and behind.
    Ellipsoid const sac = heart.grown(depth_mm);
    Vec3 const sink{0.0F, 0.2F * depth_mm, -0.35F * depth_mm};
    Ellipsoid const fluid(sac.centre() + sink, sac.radii(), {0.78F, -0.42F, -0.46F});
    scene.add(Stage::kMediastinum, {.shape = fluid.grown(4.0F), .hu = tissue::kFat, .roughness_mm = 2.0F});
    scene.add(Stage::kMediastinum, {.shape = fluid, .hu = tissue::kFluid - 4.0F});
}

void add_coronary_calcification(Scene& scene, float severity) {
    RandomStream random(scene.seed, "coronary calcification");
    Ellipsoid const& heart = scene.thorax.heart();
    // Courses on the heart's surface in its own axes (long axis to the apex, across, up): left anterior
    // descending, circumflex, right coronary artery.
    struct Course {
        Vec3 from;
        Vec3 to;
    };
    static constexpr std::array<Course, 3> kCourses = {{
        {{-0.45F, 0.25F, 0.85F}, {0.75F, -0.1F, 0.6F}},
        {{-0.45F, 0.45F, 0.75F}, {0.2F, 0.95F, 0.1F}},
        {{-0.55F, -0.55F, 0.6F}, {-0.1F, -0.95F, -0.2F}},
    }};
    int const count = scaled_count(random, 12, 20, severity);
    for (int i = 0; i < count; ++i) {
        Course const& course = random.chance(0.6) ? kCourses[0] : random.pick(kCourses);
        float const along = random.uniform(0.0F, 1.0F);
        Vec3 const from = normalised(course.from + (course.to - course.from) * along);
        Vec3 const to =
            normalised(course.from + (course.to - course.from) * (along + random.uniform(0.04F, 0.12F)));
        float const radius_mm = random.uniform(1.7F, 3.0F) * std::sqrt(severity);
        scene.add(Stage::kOverlay,
                  {.shape = Capsule{heart.surface_point(from), heart.surface_point(to), radius_mm, radius_mm},
                   .hu = tissue::kCalcium});
    }
}

void add_hiatal_hernia(Scene& scene, float severity) {
    RandomStream random(scene.seed, "hiatal hernia");
    float const size = random.uniform(0.9F, 1.2F) * std::cbrt(severity);
    Vec3 const centre{random.uniform(2.0F, 16.0F), 34.0F, random.uniform(-70.0F, -52.0F)};
    auto const sac = [&](float shrink_mm) {
        return Ellipsoid(centre,
                         {34.0F * size - shrink_mm, 28.0F * size - shrink_mm, 36.0F * size - shrink_mm});
    };
    scene.add(Stage::kMediastinum, {.shape = sac(-3.0F), .hu = tissue::kFat, .roughness_mm = 3.0F});
    scene.add(Stage::kMediastinum, {.shape = sac(0.0F), .hu = tissue::kMuscle});
    scene.add(Stage::kMediastinum, {.shape = sac(4.0F), .hu = 22.0F, .softness_mm = 3.0F});
    Vec3 const bubble = centre + Vec3{0.0F, -10.0F * size, 8.0F * size};  // air rises to the front
    scene.add(Stage::kMediastinum,
              {.shape = Ellipsoid(bubble, Vec3{20.0F, 11.0F, 20.0F} * size), .hu = -960.0F});
}

void add_lymphadenopathy(Scene& scene, float severity) {
    RandomStream random(scene.seed, "lymphadenopathy");
    // Paratracheal, prevascular, aortopulmonary, subcarinal, hilar, axillary.
    static constexpr std::array<Vec3, 11> kStations = {{{-22.0F, 4.0F, 66.0F},
                                                        {-20.0F, 2.0F, 88.0F},
                                                        {4.0F, -42.0F, 72.0F},
                                                        {16.0F, -40.0F, 52.0F},
                                                        {34.0F, -14.0F, 56.0F},
                                                        {2.0F, 20.0F, 22.0F},
                                                        {-2.0F, 26.0F, 6.0F},
                                                        {-50.0F, 8.0F, 16.0F},
                                                        {54.0F, 8.0F, 20.0F},
                                                        {-142.0F, 10.0F, 78.0F},
                                                        {142.0F, 10.0F, 76.0F}}};
    for (Vec3 const& station : kStations) {
        if (random.chance(0.12)) {
            continue;
        }
        int const count = random.between(1, 2);
        for (int i = 0; i < count; ++i) {
            float const size = random.uniform(8.5F, 13.0F) * std::cbrt(severity);
            Vec3 const centre = station + random.direction() * random.uniform(0.0F, 9.0F);
            Ellipsoid const node(centre, {size * 1.25F, size * 0.9F, size}, random.direction());
            scene.add(Stage::kMediastinum, {.shape = node.grown(1.2F), .hu = tissue::kFat});
            scene.add(Stage::kMediastinum, {.shape = node, .hu = tissue::kNode});
        }
    }
}

}  // namespace ctclip
