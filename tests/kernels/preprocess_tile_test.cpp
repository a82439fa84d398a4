// The CUDA kernel's body, run over every (block, thread) on the CPU.
#include "kernels/preprocess_tile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/digest.hpp"
#include "kernels/golden_volumes.hpp"

namespace ctclip {
namespace {

/// An element that counts how often it is written.
struct CountedElement {
    int num_writes = 0;
    float value = 0.0F;
};
void write_element(float value, CountedElement* element) {
    element->value = value;
    ++element->num_writes;
}

template <class Element, class Voxels>
std::vector<Element> run_kernel(Voxels const& voxels, InputShape shape) {
    std::vector<Element> input(
        static_cast<std::size_t>(std::int64_t{shape.num_z} * shape.num_x * shape.num_y));
    run_all_tiles(voxels, shape, input.data());
    return input;
}

TEST(PreprocessTile, EveryBlockAndThreadTogetherEqualThePythonReference) {
    for (GoldenVolume const& volume : golden_volumes()) {
        if (!volume.name.starts_with("tiny")) {
            continue;
        }
        std::vector<std::uint16_t> const raw = volume.raw();
        for (ClipOrder const order : {ClipOrder::kClipThenResize, ClipOrder::kResizeThenClip}) {
            std::vector<float> const input =
                run_kernel<float>(RawVoxels{volume.recipe(order), raw.data()}, InputShape::of(volume.target));
            EXPECT_EQ(sha256_hex(std::as_bytes(std::span(input))), volume.expected_sha256(order))
                << volume.name;
        }
    }
}

TEST(PreprocessTile, WritesEveryVoxelOnceForAwkwardShapes) {
    for (InputShape const shape : {InputShape{1, 1, 1}, InputShape{31, 2, 33}, InputShape{32, 1, 32},
                                   InputShape{33, 3, 65}, InputShape{64, 2, 31}}) {
        auto const number = [&](std::int32_t z, std::int32_t x, std::int32_t y) {
            return static_cast<float>((z * shape.num_x + x) * shape.num_y + y);
        };
        std::vector<CountedElement> const input = run_kernel<CountedElement>(number, shape);
        for (std::size_t index = 0; index < input.size(); ++index) {
            ASSERT_EQ(input[index].num_writes, 1);
            ASSERT_EQ(input[index].value, static_cast<float>(index));
        }
    }
}

TEST(PreprocessTile, WidensStoredVolumes) {
    std::vector<std::uint16_t> const stored{half_from(0.0), half_from(1.0), half_from(2.0),
                                            half_from(3.0), half_from(4.0), half_from(5.0)};
    InputShape const shape{3, 1, 2};
    EXPECT_THAT(run_kernel<float>(StoredVoxels{shape, stored.data()}, shape),
                testing::ElementsAre(0.0F, 3.0F, 1.0F, 4.0F, 2.0F, 5.0F));
}

TEST(WriteElement, RoundsToNearestEven) {
    auto const half_of = [](float value) {
        HalfElement element{};
        write_element(value, &element);
        return element.bits;
    };
    auto const bfloat16_of = [](float value) {
        BFloat16Element element{};
        write_element(value, &element);
        return element.bits;
    };
    EXPECT_EQ(half_of(1.0F), 0x3C00);
    EXPECT_EQ(half_of(std::numeric_limits<float>::quiet_NaN()), kHalfNan);
    EXPECT_EQ(bfloat16_of(1.0F), 0x3F80);
    EXPECT_EQ(bfloat16_of(std::bit_cast<float>(0x3F808000U)), 0x3F80);  // a tie: to even
    EXPECT_EQ(bfloat16_of(std::bit_cast<float>(0x3F818000U)), 0x3F82);
    EXPECT_EQ(bfloat16_of(std::bit_cast<float>(0x3F808001U)), 0x3F81);
    EXPECT_EQ(bfloat16_of(std::bit_cast<float>(0x7F800001U)), 0x7FC0);  // NaN
    EXPECT_EQ(bfloat16_of(std::numeric_limits<float>::infinity()), 0x7F80);
}

}  // namespace
}  // namespace ctclip
