// Bit equality: definition, fused path on every instruction set, and the Python reference's SHA-256.
#include "kernels/preprocess_cpu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <iostream>
#include <map>

#include "base/digest.hpp"
#include "base/splitmix64.hpp"
#include "kernels/golden_volumes.hpp"
#include "support/instruction_sets.hpp"

namespace ctclip {
namespace {

constexpr ClipOrder kOrders[] = {ClipOrder::kClipThenResize, ClipOrder::kResizeThenClip};

std::string sha256_of(std::span<float const> voxels) {
    return sha256_hex(std::as_bytes(voxels));
}

/// A model input whose first voxel is 64-byte aligned, or deliberately not.
class InputBuffer {
  public:
    explicit InputBuffer(std::int64_t num_voxels, std::size_t offset = 0)
        : lines_(static_cast<std::size_t>(num_voxels) / 16 + 2),
          voxels_(lines_.front().voxels + offset, static_cast<std::size_t>(num_voxels)) {
        std::fill(voxels_.begin(), voxels_.end(), 12345.0F);  // a voxel that nobody writes is seen
    }
    std::span<float> voxels() { return voxels_; }

  private:
    std::vector<VoxelLine> lines_;
    std::span<float> voxels_;
};

bool same_bits(std::span<float const> a, std::span<float const> b) {
    return std::ranges::equal(a, b, [](float left, float right) {
        return std::bit_cast<std::uint32_t>(left) == std::bit_cast<std::uint32_t>(right);
    });
}

void widen_by_planes(std::span<std::int64_t const> shape_xyz, std::span<std::uint16_t const> stored_xyz,
                     std::span<float> input_zxy) {
    PreprocessScratch scratch;
    auto const plane = static_cast<std::size_t>(shape_xyz[1] * shape_xyz[2]);
    for (std::int64_t x = 0; x < shape_xyz[0]; ++x) {
        widen_plane(shape_xyz, x, stored_xyz.subspan(static_cast<std::size_t>(x) * plane, plane), input_zxy, scratch);
    }
}

TEST(PreprocessReference, SmallVolumesEqualThePythonReference) {
    int num_checked = 0;
    for (GoldenVolume const& volume : golden_volumes()) {
        if (!volume.name.starts_with("tiny")) {
            continue;
        }
        std::vector<std::uint16_t> const raw = volume.raw();
        ASSERT_EQ(sha256_hex(std::as_bytes(std::span(raw))), volume.raw_sha256) << volume.name;
        for (ClipOrder const order : kOrders) {
            PreprocessRecipe const recipe = volume.recipe(order);
            InputBuffer input(recipe.geometry.num_target_voxels());
            preprocess_reference(recipe, raw, input.voxels());
            EXPECT_EQ(sha256_of(input.voxels()), volume.expected_sha256(order)) << volume.name;
            ++num_checked;
        }
    }
    EXPECT_EQ(num_checked, 60);
}

TEST(Preprocess, SmallVolumesEqualThePythonReferenceOnEveryInstructionSet) {
    std::cout << "instruction set in use: " << preprocess_instruction_set() << '\n';
    for (GoldenVolume const& volume : golden_volumes()) {
        if (!volume.name.starts_with("tiny")) {
            continue;
        }
        std::vector<std::uint16_t> const raw = volume.raw();
        for_each_instruction_set([&] {
            for (ClipOrder const order : kOrders) {
                PreprocessRecipe const recipe = volume.recipe(order);
                for (std::size_t const offset : {0, 1}) {
                    InputBuffer input(recipe.geometry.num_target_voxels(), offset);
                    PreprocessScratch scratch;
                    preprocess(recipe, raw, input.voxels(), scratch);
                    EXPECT_EQ(sha256_of(input.voxels()), volume.expected_sha256(order))
                        << volume.name << ", offset " << offset;
                }
            }
        });
    }
}

/// Of whole volumes, the portable code takes a second each. "Unknown" is a set that was not compiled: portable as well.
bool is_portable_code_in_use() {
    std::string_view const name = preprocess_instruction_set();
    return name == "EMU128" || name == "SCALAR" || name == "Unknown";
}

TEST(Preprocess, FullVolumesEqualThePythonReferenceOnEveryFastInstructionSet) {
    PreprocessScratch scratch;
    InputBuffer input(TargetGrid{}.num_voxels());
    std::map<std::string_view, int> num_checked;
    for (GoldenVolume const& volume : golden_volumes()) {
        if (!volume.name.starts_with("full")) {
            continue;
        }
        std::vector<std::uint16_t> const raw = volume.raw();
        for_each_instruction_set([&] {
            for (ClipOrder const order : kOrders) {
                if (is_portable_code_in_use() || volume.expected_sha256(order).empty()) {
                    continue;
                }
                preprocess(volume.recipe(order), raw, input.voxels(), scratch);
                EXPECT_EQ(sha256_of(input.voxels()), volume.expected_sha256(order)) << volume.name;
                ++num_checked[preprocess_instruction_set()];
            }
        });
    }
    EXPECT_THAT(num_checked, testing::Each(testing::Pair(testing::_, 23)));
}

TEST(Preprocess, RandomGeometriesEqualTheDefinitionOnEveryInstructionSet) {
    PreprocessScratch scratch;  // reused: nothing of an earlier volume may show
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        std::uint64_t draw = 0;
        auto const between = [&](std::int64_t low, std::int64_t high) {
            return low + static_cast<std::int64_t>(splitmix64(seed, draw++) %
                                                   static_cast<std::uint64_t>(high - low + 1));
        };
        GoldenVolume volume;
        volume.shape_xyz = {between(1, 50), between(1, 50), between(1, 40)};
        volume.xy_spacing_mm = static_cast<double>(between(751, 2400)) / 1000.0;
        volume.z_spacing_mm = static_cast<double>(between(1501, 6000)) / 1000.0;
        if (between(0, 1) == 1) {  // fewer voxels than stored
            volume.shape_xyz = {between(30, 90), between(30, 90), between(20, 60)};
            volume.xy_spacing_mm /= 4.0;
            volume.z_spacing_mm /= 4.0;
        }
        volume.target.shape_zxy = {static_cast<std::int32_t>(between(1, 30)),
                                   static_cast<std::int32_t>(between(1, 50)),
                                   static_cast<std::int32_t>(between(1, 50))};
        volume.slope = static_cast<double>(between(-200, 200)) / 100.0 + 0.001;
        volume.intercept = static_cast<double>(between(-1024, 100));
        volume.kind = "special";
        volume.special_rate = seed % 3 == 0 ? 64 : 0;
        volume.seed = seed;
        std::vector<std::uint16_t> const raw = volume.raw();
        for (ClipOrder const order : kOrders) {
            PreprocessRecipe const recipe = volume.recipe(order);
            InputBuffer expected(recipe.geometry.num_target_voxels());
            preprocess_reference(recipe, raw, expected.voxels());
            for_each_instruction_set([&] {
                InputBuffer input(recipe.geometry.num_target_voxels());
                preprocess(recipe, raw, input.voxels(), scratch);
                EXPECT_TRUE(same_bits(input.voxels(), expected.voxels())) << "seed " << seed;
            });
        }
    }
}

TEST(WidenStored, EveryHalfEqualsTheDefinitionOnEveryInstructionSet) {
    std::vector<std::uint16_t> stored(65536);
    for (std::size_t bits = 0; bits < stored.size(); ++bits) {
        stored[bits] = static_cast<std::uint16_t>(bits);
    }
    std::vector<std::vector<std::int64_t>> const shapes{
        {8, 64, 128}, {128, 512, 1}, {1, 4, 16384}, {31, 151, 14}};
    for (std::vector<std::int64_t> const& shape : shapes) {
        std::int64_t const num_voxels = shape[0] * shape[1] * shape[2];
        std::span<std::uint16_t const> const volume(stored.data(), static_cast<std::size_t>(num_voxels));
        InputBuffer expected(num_voxels);
        widen_stored_reference(shape, volume, expected.voxels());
        for_each_instruction_set([&] {
            InputBuffer input(num_voxels);
            widen_by_planes(shape, volume, input.voxels());
            EXPECT_TRUE(same_bits(input.voxels(), expected.voxels()));
        });
    }
}

TEST(WidenStored, PermutesToSliceRowColumn) {
    std::vector<std::uint16_t> const stored{half_from(0.0), half_from(1.0), half_from(2.0),
                                            half_from(3.0), half_from(4.0), half_from(5.0)};
    std::vector<std::int64_t> const shape{1, 2, 3};
    std::vector<float> input(6);
    widen_by_planes(shape, stored, input);
    EXPECT_THAT(input, testing::ElementsAre(0.0F, 3.0F, 1.0F, 4.0F, 2.0F, 5.0F));
}

}  // namespace
}  // namespace ctclip
