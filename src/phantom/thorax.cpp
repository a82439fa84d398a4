#include "phantom/thorax.hpp"

#include <algorithm>
#include <cmath>

namespace ctclip {
namespace {

constexpr float kPleuraMm = 2.0F;

float square(float value) {
    return value * value;
}

float smooth_step(float low, float high, float value) {
    float const t = std::clamp((value - low) / (high - low), 0.0F, 1.0F);
    return t * t * (3.0F - 2.0F * t);
}

Ellipsoid make_heart(RandomStream& random, float scale) {
    // A large heart grows to the left and downwards, as its left ventricle does.
    float const growth = scale - 1.0F;
    Vec3 const centre{20.0F + 22.0F * growth + random.uniform(-3.0F, 3.0F),
                      -27.0F - 8.0F * growth + random.uniform(-3.0F, 3.0F),
                      -30.0F - 10.0F * growth + random.uniform(-4.0F, 4.0F)};
    float const own = scale * random.uniform(0.95F, 1.05F);
    return {centre, Vec3{62.0F, 47.0F, 45.0F} * own, {0.78F, -0.42F, -0.46F}};
}

}  // namespace

Thorax::Thorax(std::uint64_t seed, float heart_scale)
    : heart_({}, {1.0F, 1.0F, 1.0F}),
      right_dome_({}, {1.0F, 1.0F, 1.0F}),
      left_dome_({}, {1.0F, 1.0F, 1.0F}) {
    RandomStream random(seed, "thorax");
    fat_thickness_mm_ = random.uniform(8.0F, 26.0F);
    has_breasts_ = random.chance(0.5);
    lung_base_z_ = random.uniform(-132.0F, -122.0F);
    heart_ = make_heart(random, heart_scale);
    float const breath = random.uniform(-7.0F, 7.0F);
    right_dome_ = {{-66.0F, 6.0F, -150.0F + breath}, {78.0F, 92.0F, 82.0F}};
    left_dome_ = {{72.0F, 10.0F, -158.0F + breath + random.uniform(-4.0F, 4.0F)}, {72.0F, 90.0F, 80.0F}};
    float const size = random.uniform(0.93F, 1.05F);
    stretch_ = {size * random.uniform(0.97F, 1.03F), size * random.uniform(0.95F, 1.05F),
                size * random.uniform(0.95F, 1.05F)};
    shift_mm_ = {random.uniform(-6.0F, 6.0F), random.uniform(-6.0F, 6.0F), random.uniform(-6.0F, 6.0F)};
}

Squircle Thorax::body(float z) const {
    Squircle const cage = rib_cage(std::min(z, 40.0F));
    float const shoulders = smooth_step(45.0F, 120.0F, z);
    float const neck = smooth_step(120.0F, 175.0F, z);
    return {cage.centre_y + 6.0F,
            cage.half_width + 17.0F + fat_thickness_mm_ + 48.0F * shoulders - 60.0F * neck,
            cage.half_depth + 15.0F + 0.8F * fat_thickness_mm_ - 10.0F * shoulders - 20.0F * neck,
            0.25F + 0.1F * shoulders};
}

Squircle Thorax::rib_cage(float z) const {
    constexpr float kWidestZ = -55.0F;
    float const below = std::min(z - kWidestZ, 0.0F) / 180.0F;
    float const above = std::clamp((z - kWidestZ) / (kLungTopZ + 12.0F - kWidestZ), 0.0F, 1.0F);
    float const taper = std::sqrt(1.0F - 0.93F * std::pow(above, 2.6F)) - 0.3F * square(below);
    return {8.0F + 20.0F * square(above), 131.0F * taper, 91.0F * (0.35F + 0.65F * taper), 0.18F};
}

float Thorax::mediastinum_half_width(float y, float z) const {
    float const middle = 22.0F * std::exp(-square(y / 44.0F));
    float const spine_part = 12.0F * std::exp(-square((y - 85.0F) / 25.0F));
    float const inlet = 6.0F * smooth_step(70.0F, 110.0F, z);
    return 7.0F + middle + spine_part + inlet;
}

float Thorax::lung_distance(Vec3 point) const {
    float distance = rib_cage(point.z).distance(point.x, point.y) + kPleuraMm;
    distance = std::max(distance, mediastinum_half_width(point.y, point.z) - std::abs(point.x));
    distance = std::max({distance, lung_base_z_ - point.z, point.z - kLungTopZ});
    for (Ellipsoid const* solid : {&heart_, &right_dome_, &left_dome_}) {
        distance = std::max(distance, -solid->distance(point));
    }
    return distance;
}

Vec3 Thorax::point_in_lung(RandomStream& random, Side side, float z_low, float z_high,
                           float margin_mm) const {
    Vec3 best = hilum(side);
    float best_distance = lung_distance(best);
    for (int attempt = 0; attempt < 400; ++attempt) {
        float const z = random.uniform(z_low, z_high);
        Squircle const cage = rib_cage(z);
        Vec3 const point{side_sign(side) * random.uniform(10.0F, cage.half_width),
                         cage.centre_y + random.uniform(-cage.half_depth, cage.half_depth), z};
        float const distance = lung_distance(point);
        if (distance < -margin_mm) {
            return point;
        }
        if (distance < best_distance) {
            best = point;
            best_distance = distance;
        }
    }
    return best;  // nowhere that deep: the deepest point seen
}

Vec3 Thorax::hilum(Side side) const {
    return side == Side::kRight ? Vec3{-36.0F, 6.0F, 24.0F} : Vec3{40.0F, 8.0F, 30.0F};
}

Vec3 Thorax::spine(float z) const {
    return {0.0F, 84.0F - 0.0009F * square(z + 10.0F), z};
}

}  // namespace ctclip
