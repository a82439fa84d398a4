#include "kernels/volume_geometry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "kernels/golden_volumes.hpp"
#include "kernels/preprocess.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Property;
using testing::ThrowsMessage;

nlohmann::json test_data(std::string const& name) {
    return nlohmann::json::parse(read_text_file(std::filesystem::path(CTCLIP_TEST_DATA) / "kernels" / name));
}

TEST(ResizedSize, EqualsTheReferenceWhereOtherArithmeticDiffers) {
    nlohmann::json const rows = test_data("sizes.json");
    ASSERT_EQ(rows.size(), 607U);
    for (nlohmann::json const& row : rows) {
        double const spacing = std::stod(row[1].get<std::string>());
        double const target = std::stod(row[2].get<std::string>());
        int const expected = row[3];
        if (expected == 0) {  // the reference then fails in its resize
            EXPECT_THROW(resized_size(row[0], spacing, target), Error) << row;
        } else {
            EXPECT_EQ(resized_size(row[0], spacing, target), expected) << row;
        }
    }
}

TEST(PlanGeometry, CropsAndPadsAsTheReference) {
    for (GoldenVolume const& volume : golden_volumes()) {
        VolumeGeometry const geometry = volume.recipe(ClipOrder::kClipThenResize).geometry;
        AxisGeometry const axes[3] = {geometry.x, geometry.y, geometry.z};
        for (std::size_t axis = 0; axis < 3; ++axis) {
            AxisGeometry const& plan = axes[axis];
            EXPECT_EQ(plan.num_resized, volume.resized_xyz[axis]) << volume.name;
            EXPECT_THAT(
                volume.crop_pad_xyz[axis],
                testing::ElementsAre(plan.crop_start, plan.crop_start + plan.num_kept, plan.pad_before,
                                     plan.num_target - plan.pad_before - plan.num_kept))
                << volume.name << ", axis " << axis;
        }
    }
}

TEST(PlanGeometry, RefusesWhatPythonRefusesAndNonFiniteOrZeroScaling) {
    for (nlohmann::json const& row : test_data("errors.json")) {
        auto const shape = row.at("shape").get<std::vector<std::int64_t>>();
        auto const number = [&](char const* key) { return std::stod(row.at(key).get<std::string>()); };
        auto const plan = [&] {
            make_recipe(plan_geometry(shape, number("xy"), number("z"), TargetGrid{}), number("slope"),
                        number("intercept"), ClipOrder::kClipThenResize);
        };
        EXPECT_THAT(plan, testing::Throws<Error>(Property(&Error::code, ExitCode::kBadInput))) << row;
    }
}

TEST(PlanGeometry, NamesTheAxisAndTheReason) {
    std::vector<std::int64_t> const shape{20, 20, 1};
    EXPECT_THAT([&] { plan_geometry(shape, 0.75, 0.7, TargetGrid{}); },
                ThrowsMessage<Error>(AllOf(HasSubstr("z axis"), HasSubstr("less than one voxel"))));
    EXPECT_THAT([&] { plan_geometry(shape, std::numeric_limits<double>::quiet_NaN(), 1.5, TargetGrid{}); },
                ThrowsMessage<Error>(AllOf(HasSubstr("x axis"), HasSubstr("spacing is nan mm"))));
}

TEST(MakeRecipe, RefusesASlopeThatVanishesInFloat32) {
    VolumeGeometry const geometry;
    EXPECT_THAT([&] { make_recipe(geometry, 1e-60, 0.0, ClipOrder::kClipThenResize); },
                ThrowsMessage<Error>(HasSubstr("RescaleSlope is 1e-60")));
    EXPECT_THAT([&] { make_recipe(geometry, 1.0, 1e39, ClipOrder::kClipThenResize); },
                ThrowsMessage<Error>(HasSubstr("RescaleIntercept is 1e+39")));
}

}  // namespace
}  // namespace ctclip
