/// The ledger of a conversion to fp16 value by value, from its definition.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/half.hpp"
#include "npz/half_ledger.hpp"

namespace ctclip {

/// All but first_not_finite.
template <class T>
HalfStatistics plain_statistics(std::vector<T> const& values) {
    HalfStatistics statistics;
    for (T const stored : values) {
        auto const value = static_cast<double>(stored);
        std::uint16_t const half = half_from(stored);
        statistics.num_nan += std::isnan(value) ? 1 : 0;
        if (!std::isnan(value)) {
            statistics.min = std::min(statistics.min, value);
            statistics.max = std::max(statistics.max, value);
            statistics.num_out_of_range += is_half_finite(half) ? 0 : 1;
        }
        if (is_half_finite(half)) {
            double const error = std::abs(value - half_to_float(half));
            statistics.num_inexact += error > 0 ? 1 : 0;
            statistics.worst_abs_error = std::max(statistics.worst_abs_error, error);
        }
    }
    return statistics;
}

inline void expect_equal(HalfStatistics const& found, HalfStatistics const& expected) {
    EXPECT_EQ(found.min, expected.min);
    EXPECT_EQ(found.max, expected.max);
    EXPECT_EQ(found.num_nan, expected.num_nan);
    EXPECT_EQ(found.num_out_of_range, expected.num_out_of_range);
    EXPECT_EQ(found.num_inexact, expected.num_inexact);
    EXPECT_EQ(found.worst_abs_error, expected.worst_abs_error);
}

}  // namespace ctclip
