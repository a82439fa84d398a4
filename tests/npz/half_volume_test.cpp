#include "npz/half_volume.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/half.hpp"
#include "base/splitmix64.hpp"
#include "npz/plain_statistics.hpp"
#include "support/instruction_sets.hpp"

namespace ctclip {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// @param values  in storage order.
template <class T>
NpzArray array_of(DType type, Shape const& shape, std::vector<T> const& values,
                  bool is_fortran_order = false) {
    NpzArray array;
    array.type = type;
    array.shape = shape;
    array.is_fortran_order = is_fortran_order;
    auto const bytes = std::as_bytes(std::span(values));
    std::copy(bytes.begin(), bytes.end(), array.member.resize(bytes.size()).begin());
    return array;
}

/// Values of every kind that CT volumes hold: around zero, HU, inexact, and beyond fp16 in one of 1000.
double random_value(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t const bits = splitmix64(seed, index);
    double const hu = std::floor(to_unit(bits) * 4096.0) - 1024.0;
    return bits % 1000 == 0 ? hu * 100.0 : bits % 3 == 0 ? hu * 1.0009765 : hu;
}

}  // namespace

TEST(HalfVolume, FortranOrderEqualsItsCOrderTwin) {
    std::vector<Shape> const shapes{{1, 1, 1},   {1, 7, 3},   {9, 1, 17},   {8, 8, 8},     {33, 5, 19},
                                    {3, 2, 300}, {600, 2, 9}, {16, 3, 131}, {513, 1, 129}, {7, 40, 1}};
    for (Shape const& shape : shapes) {
        SCOPED_TRACE(to_string(shape));
        auto const count = static_cast<std::size_t>(element_count(shape));
        std::vector<double> c_order(count);
        std::vector<double> fortran_order(count);
        for (std::size_t i = 0; i < count; ++i) {
            c_order[i] = random_value(3, i);
            auto const size = [&](int axis) {
                return static_cast<std::size_t>(shape[static_cast<std::size_t>(axis)]);
            };
            std::size_t const x = i / (size(1) * size(2));
            std::size_t const y = i / size(2) % size(1);
            std::size_t const z = i % size(2);
            fortran_order[x + size(0) * (y + size(1) * z)] = c_order[i];
        }
        for_each_instruction_set([&] {
            HalfVolume const twin = to_half(array_of(DType::kF64, shape, c_order));
            HalfVolume const volume = to_half(array_of(DType::kF64, shape, fortran_order, true));
            EXPECT_EQ(volume.halves, twin.halves);
            EXPECT_EQ(volume.statistics.first_not_finite, twin.statistics.first_not_finite);
            expect_equal(volume.statistics, plain_statistics(c_order));
            expect_equal(twin.statistics, plain_statistics(c_order));
        });
    }
}

TEST(HalfVolume, FloatStatisticsAreThoseOfTheirValues) {
    constexpr std::size_t kCount = 3 * 1031;
    std::vector<float> values(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        values[i] = static_cast<float>(random_value(5, i));
    }
    for (std::size_t const num_special : {0U, 5U}) {
        float const special[] = {NAN, 70'000.0F, -INFINITY, 1e-8F, 0x1.0p-140F};
        std::copy_n(special, num_special, values.begin() + 1500);
        for_each_instruction_set([&] {
            HalfVolume const volume = to_half(array_of(DType::kF32, {3, 1, 1031}, values));
            expect_equal(volume.statistics, plain_statistics(std::vector<double>(values.begin(), values.end())));
        });
    }
}

TEST(HalfVolume, StatisticsCountEveryKindOfTrouble) {
    std::vector<double> const values{0.0,  -1024.0, 2049.0, 65519.0, 65520.0, -1e30,  kInfinity, -kInfinity,
                                     kNan, 0.1,     -0.0,   1e-30,   3071.0,  4097.0, 8.0,       100.5};
    HalfVolume const volume = to_half(array_of(DType::kF64, {4, 2, 2}, values));
    HalfStatistics const& statistics = volume.statistics;
    EXPECT_EQ(statistics.min, -kInfinity);
    EXPECT_EQ(statistics.max, kInfinity);
    EXPECT_EQ(statistics.num_nan, 1);
    EXPECT_EQ(statistics.num_out_of_range, 4);
    EXPECT_EQ(statistics.num_inexact, 6);  // 2049, 65519, 0.1, 1e-30, 3071, 4097
    EXPECT_EQ(statistics.worst_abs_error, 15.0);
    EXPECT_EQ(statistics.first_not_finite, 4);
}

TEST(HalfVolume, StatisticsOfIntegersAreThoseOfTheirValues) {
    std::vector<std::uint16_t> const values{0, 65519, 2049, 65503, 1, 4095};
    HalfVolume const volume = to_half(array_of(DType::kU16, {1, 2, 3}, values));
    EXPECT_EQ(volume.statistics.max, 65519.0);
    EXPECT_EQ(volume.statistics.num_inexact, 4);
    EXPECT_EQ(volume.statistics.worst_abs_error, 15.0);
    EXPECT_EQ(volume.statistics.first_not_finite, std::nullopt);
}

TEST(HalfVolume, Float16IsCopiedBitForBit) {
    std::vector<std::uint16_t> values;
    for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
        values.push_back(static_cast<std::uint16_t>(bits));
    }
    HalfVolume const volume = to_half(array_of(DType::kF16, {64, 64, 16}, values));
    EXPECT_EQ(volume.halves, values);
    EXPECT_EQ(volume.statistics.num_nan, 2 * 1023);
    EXPECT_EQ(volume.statistics.num_out_of_range, 2);
    EXPECT_EQ(volume.statistics.num_inexact, 0);
}

TEST(HalfVolume, BigEndianIsSwapped) {
    std::vector<std::uint16_t> const values{0x0100, 0xFFFF, 0x00FC};  // 1, -1, -1024 as big-endian int16
    NpzArray array = array_of(DType::kI16, {1, 1, 3}, values);
    array.is_big_endian = true;
    EXPECT_THAT(to_half(array).halves, testing::ElementsAre(half_from(1), half_from(-1), half_from(-1024)));
}

TEST(HalfVolume, SaturationTouchesOnlyInfinities) {
    std::vector<std::uint16_t> halves{kHalfInfinity, 0xFC00, kHalfNan, kHalfMax, 0x0000, 0x8000, 0xFBFF};
    saturate_halves(halves);
    EXPECT_THAT(halves, testing::ElementsAre(kHalfMax, 0xFBFF, kHalfNan, kHalfMax, 0x0000, 0x8000, 0xFBFF));
}

}  // namespace ctclip
