#include "tools/histogram.hpp"

#include <algorithm>
#include <cmath>

#include "checkpoint/tensor_summary.hpp"
#include "phantom/png_file.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMargin = 16;
constexpr std::size_t kPlotHeight = 320;
constexpr std::size_t kPlotWidth = 768;
constexpr std::uint8_t kBackground = 255;
constexpr std::uint8_t kBar = 70;
constexpr std::uint8_t kAxis = 0;
constexpr std::uint8_t kZeroLine = 170;

void fill(GreyImage& image, std::size_t left, std::size_t top, std::size_t right, std::size_t bottom,
          std::uint8_t grey) {
    for (std::size_t y = top; y < bottom; ++y) {
        std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(y * image.width + left), right - left, grey);
    }
}

}  // namespace

std::size_t Histogram::most() const {
    return counts.empty() ? 0 : *std::ranges::max_element(counts);
}

Histogram make_histogram(Array const& array, double low, double high, std::size_t num_bins) {
    Histogram histogram{low, high, std::vector<std::size_t>(num_bins)};
    ValueReader const read = value_reader(array.type);
    std::size_t const item_bytes = item_size_bytes(array.type);
    double const width = high - low;
    for (std::size_t offset = 0; offset < array.bytes.size(); offset += item_bytes) {
        double const value = read(array.bytes.data() + offset);
        double const position = width > 0.0 ? (value - low) / width : value - low;
        if (position >= 0.0 && position <= 1.0) {  // false for NaN
            ++histogram.counts[std::min(static_cast<std::size_t>(position * static_cast<double>(num_bins)),
                                        num_bins - 1)];
        }
    }
    return histogram;
}

void write_histogram_png(std::filesystem::path const& path, Histogram const& histogram) {
    GreyImage image(kPlotWidth + 2 * kMargin, kPlotHeight + 2 * kMargin);
    std::ranges::fill(image.pixels, kBackground);
    std::size_t const bottom = kMargin + kPlotHeight;
    auto const column = [&](double share) {
        return kMargin + static_cast<std::size_t>(std::lround(share * static_cast<double>(kPlotWidth)));
    };
    if (histogram.low < 0.0 && histogram.high > 0.0) {
        std::size_t const zero = column(-histogram.low / (histogram.high - histogram.low));
        fill(image, zero, kMargin, zero + 1, bottom, kZeroLine);
    }
    auto const num_bins = static_cast<double>(histogram.counts.size());
    for (std::size_t bin = 0; bin < histogram.counts.size(); ++bin) {
        // A bin that holds anything shows at least one pixel.
        std::size_t const most = std::max<std::size_t>(histogram.most(), 1);
        std::size_t const height = (histogram.counts[bin] * kPlotHeight + most - 1) / most;
        fill(image, column(static_cast<double>(bin) / num_bins), bottom - height,
             column(static_cast<double>(bin + 1) / num_bins), bottom, kBar);
    }
    fill(image, kMargin, bottom, kMargin + kPlotWidth, bottom + 1, kAxis);
    write_png(path, image);
}

}  // namespace ctclip
