/// How the values of a tensor are spread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "base/array.hpp"

namespace ctclip {

struct Histogram {
    double low = 0.0;   ///< left edge of the first bin: the smallest finite value
    double high = 0.0;  ///< right edge of the last bin: the largest
    std::vector<std::size_t> counts;

    double bin_width() const { return (high - low) / static_cast<double>(counts.size()); }
    std::size_t most() const;  ///< the largest count
};

/// Of the finite values of `array`. @param low, high  the smallest and the largest of them.
Histogram make_histogram(Array const& array, double low, double high, std::size_t num_bins);

/// Bars as a grey PNG, with a line at zero where the range holds it. Replaces the file.
/// @throws Error kCannotCreate, kIoError, kNoPermission.
void write_histogram_png(std::filesystem::path const& path, Histogram const& histogram);

}  // namespace ctclip
