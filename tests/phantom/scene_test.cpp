// What the pictures show: every sign where it belongs, the same chest at any resolution.
#include "phantom/scene.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "phantom_fixture.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kSize = 72;

/// How many voxels satisfy `is_counted`, as cubic centimetres.
double volume_ml(std::vector<float> const& volume, std::function<bool(float)> const& is_counted) {
    auto const count = std::count_if(volume.begin(), volume.end(), is_counted);
    ScanGrid const grid = cube_grid(kSize);
    return static_cast<double>(count) * grid.spacing_xy_mm * grid.spacing_xy_mm * grid.spacing_z_mm / 1000.0;
}

double brighter_ml(std::vector<float> const& volume, float hu) {
    return volume_ml(volume, [hu](float value) { return value > hu; });
}

double lung_ml(std::vector<float> const& volume) {
    return volume_ml(volume, [](float value) { return value < -750.0F && value > -930.0F; });
}

/// Voxels that differ by more than `hu` between two pictures of one patient.
double changed_ml(std::vector<float> const& a, std::vector<float> const& b, float hu) {
    std::vector<float> difference(a.size());
    std::transform(a.begin(), a.end(), b.begin(), difference.begin(), std::minus<>());
    return volume_ml(difference, [hu](float value) { return std::abs(value) > hu; });
}

TEST(Scene, HealthyChestHasTheVolumesOfAPerson) {
    for (std::uint64_t const seed : {1U, 2U, 3U}) {
        std::vector<float> const volume = render_signs(seed, {}, kSize);
        EXPECT_THAT(lung_ml(volume), testing::AllOf(testing::Gt(2500.0), testing::Lt(6500.0))) << seed;
        EXPECT_THAT(brighter_ml(volume, 250.0F), testing::AllOf(testing::Gt(300.0), testing::Lt(2000.0)))
            << seed;
    }
}

class SignTest : public testing::TestWithParam<std::size_t> {};

TEST_P(SignTest, IsVisibleInEveryPatient) {
    SignSet const signs = SignSet().set(GetParam());
    for (std::uint64_t const seed : {11U, 12U, 13U}) {
        std::vector<float> const healthy = render_signs(seed, {}, kSize);
        std::vector<float> const ill = render_signs(seed, signs, kSize);
        EXPECT_GT(changed_ml(healthy, ill, 150.0F), 1.5) << "seed " << seed;
    }
}

TEST_P(SignTest, LeavesMostOfTheChestAsItWas) {
    SignSet const signs = SignSet().set(GetParam());
    std::vector<float> const healthy = render_signs(21, {}, kSize);
    std::vector<float> const ill = render_signs(21, signs, kSize);
    double const all_ml = volume_ml(healthy, [](float) { return true; });
    EXPECT_LT(changed_ml(healthy, ill, 30.0F), 0.15 * all_ml);
}

std::string sign_test_name(testing::TestParamInfo<std::size_t> const& info) {
    std::string name(kAbnormalityNames[info.param]);
    std::erase(name, ' ');
    return name;
}

INSTANTIATE_TEST_SUITE_P(EveryLabel, SignTest, testing::Range<std::size_t>(0, kNumSigns), sign_test_name);

TEST(Sign, MedicalMaterialIsMetal) {
    EXPECT_EQ(brighter_ml(render_signs(31, {}, kSize), 1300.0F), 0.0);
    for (std::uint64_t const seed : {31U, 32U, 33U, 34U}) {
        EXPECT_GT(brighter_ml(render_signs(seed, only(Sign::kMedicalMaterial), kSize), 1300.0F), 0.3) << seed;
    }
}

TEST(Sign, EmphysemaDarkensTheLung) {
    auto const dark_ml = [](SignSet const& signs) {
        std::vector<float> const volume = render_signs(41, signs, kSize);
        return volume_ml(volume, [](float hu) { return hu < -930.0F && hu > -995.0F; });
    };
    EXPECT_GT(dark_ml(only(Sign::kEmphysema)), dark_ml({}) + 80.0);
}

TEST(Sign, FluidAndConsolidationTakeAirAway) {
    for (Sign const sign : {Sign::kPleuralEffusion, Sign::kConsolidation, Sign::kLungOpacity}) {
        double const healthy = lung_ml(render_signs(51, {}, kSize));
        EXPECT_LT(lung_ml(render_signs(51, only(sign), kSize)), healthy - 60.0) << name_of(sign);
    }
}

TEST(Sign, SeverityMakesItLarger) {
    std::vector<float> const healthy = render_signs(61, {}, kSize);
    for (Sign const sign : {Sign::kLungNodule, Sign::kPleuralEffusion, Sign::kArterialCalcification}) {
        auto const changed = [&](float severity) {
            return changed_ml(healthy, render_scene(make_scene(61, only(sign), severity), cube_grid(kSize)),
                              100.0F);
        };
        EXPECT_GT(changed(2.0F), 1.2 * changed(0.6F)) << name_of(sign);
    }
}

/// Mean over blocks of 2 x 2 x 2.
std::vector<float> halved(std::vector<float> const& volume, std::size_t size) {
    std::size_t const half = size / 2;
    std::vector<float> out(half * half * half, 0.0F);
    for (std::size_t z = 0; z < size; ++z) {
        for (std::size_t y = 0; y < size; ++y) {
            for (std::size_t x = 0; x < size; ++x) {
                out[((z / 2) * half + y / 2) * half + x / 2] += volume[(z * size + y) * size + x] / 8.0F;
            }
        }
    }
    return out;
}

double correlation(std::vector<float> const& a, std::vector<float> const& b) {
    auto const count = static_cast<double>(a.size());
    double const mean_a = std::accumulate(a.begin(), a.end(), 0.0) / count;
    double const mean_b = std::accumulate(b.begin(), b.end(), 0.0) / count;
    double ab = 0.0;
    double aa = 0.0;
    double bb = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return ab / std::sqrt(aa * bb);
}

TEST(SliceRenderer, ShowsTheSameAnatomyAtAnySize) {
    SignSet const signs =
        only(Sign::kConsolidation) | only(Sign::kMosaicAttenuation) | only(Sign::kHiatalHernia);
    std::vector<float> const fine = render_signs(71, signs, 96);
    std::vector<float> const coarse = render_signs(71, signs, 48);
    EXPECT_GT(correlation(halved(fine, 96), coarse), 0.985);
}

TEST(SliceRenderer, MakesSlicesInAnyOrder) {
    Scene const scene = make_scene(81, only(Sign::kLungNodule), 1.0F);
    ScanGrid const grid = cube_grid(32);
    ScannerTraits const scanner{.noise_hu = 15.0F, .outside_hu = -1024.0F, .noise_seed = 5};
    SliceRenderer first(scene, grid, scanner);
    SliceRenderer second(scene, grid, scanner);
    std::vector<float> a(32 * 32);
    std::vector<float> b(32 * 32);
    first.render(7, a);
    first.render(20, a);
    second.render(20, b);
    EXPECT_EQ(a, b);
}

TEST(SliceRenderer, AddsNoiseOfTheGivenDeviation) {
    Scene const scene = make_scene(91, {}, 1.0F);
    ScanGrid const grid = cube_grid(64);
    SliceRenderer quiet(scene, grid, {});
    SliceRenderer noisy(scene, grid, {.noise_hu = 20.0F, .outside_hu = -1024.0F, .noise_seed = 3});
    std::vector<float> a(64 * 64);
    std::vector<float> b(64 * 64);
    quiet.render(30, a);
    noisy.render(30, b);
    double sum = 0.0;
    double squares = 0.0;
    double count = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] > -900.0F) {
            sum += b[i] - a[i];
            squares += (b[i] - a[i]) * (b[i] - a[i]);
            count += 1.0;
        }
    }
    EXPECT_NEAR(sum / count, 0.0, 2.0);
    EXPECT_NEAR(std::sqrt(squares / count), 20.0, 2.0);
}

}  // namespace
}  // namespace ctclip
