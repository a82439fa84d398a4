#include "checkpoint/tensor_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
#include "checkpoint/example_state.hpp"

namespace ctclip {
namespace {

TEST(Summarise, CountsWhatIsNotFiniteAndMeasuresTheRest) {
    TensorSummary const summary =
        summarise(make_array<float>(DType::kF32, {5}, {3.0F, -4.0F, NAN, INFINITY, -INFINITY}));
    EXPECT_EQ(summary.num_elements, 5U);
    EXPECT_EQ(summary.num_nan, 1U);
    EXPECT_EQ(summary.num_inf, 2U);
    EXPECT_DOUBLE_EQ(summary.norm, 5.0);
    EXPECT_DOUBLE_EQ(summary.mean, -0.5);
    EXPECT_DOUBLE_EQ(summary.min, -4.0);
    EXPECT_DOUBLE_EQ(summary.max, 3.0);
    EXPECT_EQ(summarise(make_array<float>(DType::kF32, {0}, {})).norm, 0.0);
}

TEST(ValueReader, ReadsEveryDtype) {
    auto const first = [](Array const& array) { return value_reader(array.type)(array.bytes.data()); };
    EXPECT_EQ(first(make_array<double>(DType::kF64, {}, {-2.5})), -2.5);
    EXPECT_EQ(first(make_array<std::uint16_t>(DType::kF16, {}, {0xC100})), -2.5);
    EXPECT_EQ(first(make_array<std::uint16_t>(DType::kBF16, {}, {0xC020})), -2.5);
    EXPECT_EQ(first(make_array<std::int64_t>(DType::kI64, {}, {-3})), -3.0);
    EXPECT_EQ(first(make_array<std::int32_t>(DType::kI32, {}, {-3})), -3.0);
    EXPECT_EQ(first(make_array<std::int16_t>(DType::kI16, {}, {-3})), -3.0);
    EXPECT_EQ(first(make_array<std::int8_t>(DType::kI8, {}, {-3})), -3.0);
    EXPECT_EQ(first(make_array<std::uint64_t>(DType::kU64, {}, {3})), 3.0);
    EXPECT_EQ(first(make_array<std::uint32_t>(DType::kU32, {}, {3})), 3.0);
    EXPECT_EQ(first(make_array<std::uint16_t>(DType::kU16, {}, {3})), 3.0);
    EXPECT_EQ(first(make_array<std::uint8_t>(DType::kU8, {}, {3})), 3.0);
    EXPECT_EQ(first(make_array<std::uint8_t>(DType::kBool, {}, {1})), 1.0);
}

TEST(AdamStepNorm, IsThatOfTheNormalisedMoments) {
    Array const m = make_array<float>(DType::kF32, {3}, {3.0F, -4.0F, 0.0F});
    Array const v = make_array<float>(DType::kF32, {3}, {1.0F, 1.0F, 0.0F});
    EXPECT_NEAR(adam_step_norm(m, v), 5.0, 1e-6);
    EXPECT_THROW(adam_step_norm(m, make_array<float>(DType::kF32, {1}, {1.0F})), Error);
}

TEST(Compare, FindsTheLargestDifference) {
    TensorDifference const difference =
        compare(make_array<float>(DType::kF32, {4}, {1.0F, 2.0F, 0.0F, NAN}),
                make_array<float>(DType::kF32, {4}, {1.0F, 2.5F, -0.0F, NAN}));
    EXPECT_EQ(difference.num_different, 2U);
    EXPECT_DOUBLE_EQ(difference.max_absolute, 0.5);
    EXPECT_DOUBLE_EQ(difference.max_relative, 0.2);
}

TEST(Compare, TakesANanAgainstANumberAsInfinitelyFar) {
    Array const nan = make_array<float>(DType::kF32, {1}, {NAN});
    Array const one = make_array<float>(DType::kF32, {1}, {1.0F});
    EXPECT_TRUE(std::isinf(compare(nan, one).max_absolute));
    EXPECT_THROW(compare(nan, make_array<float>(DType::kF32, {2}, {1.0F, 1.0F})), Error);
}

}  // namespace
}  // namespace ctclip
