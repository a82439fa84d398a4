#include "tools/slice_sheet.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/half.hpp"
#include "phantom/png_file.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kGapPixels = 8;
constexpr double kPreprocessedSpacingXyMm = 0.75;
constexpr double kPreprocessedSpacingZMm = 1.5;

class VolumeView {
  public:
    VolumeView(SampleMetadata const& metadata, std::span<std::uint16_t const> halves)
        : metadata_(metadata), halves_(halves) {}

    std::uint8_t grey(std::int64_t x, std::int64_t y, std::int64_t z) const {
        VolumeShape const& shape = metadata_.volume_shape;
        float const stored =
            half_to_float(halves_[static_cast<std::size_t>((x * shape[1] + y) * shape[2] + z)]);
        double const unit =
            metadata_.layout == VolumeLayout::kPreprocessed
                ? static_cast<double>(stored)
                : (metadata_.rescale_slope * static_cast<double>(stored) + metadata_.rescale_intercept) /
                      1000.0;
        return static_cast<std::uint8_t>(
            std::lround(127.5 * (std::clamp(std::isnan(unit) ? -1.0 : unit, -1.0, 1.0) + 1.0)));
    }

    std::int64_t size(std::size_t axis) const { return metadata_.volume_shape[axis]; }
    /// Height of a z step in units of an x step.
    double z_stretch() const {
        return metadata_.layout == VolumeLayout::kPreprocessed
                   ? kPreprocessedSpacingZMm / kPreprocessedSpacingXyMm
                   : metadata_.z_spacing_mm / metadata_.xy_spacing_mm;
    }

  private:
    SampleMetadata const& metadata_;
    std::span<std::uint16_t const> halves_;
};

/// `grey(column, row)`
template <class Grey>
GreyImage draw(std::int64_t width, std::int64_t height, Grey const& grey) {
    GreyImage image(static_cast<std::size_t>(width), static_cast<std::size_t>(height));
    for (std::int64_t row = 0; row < height; ++row) {
        for (std::int64_t column = 0; column < width; ++column) {
            image.at(static_cast<std::size_t>(column), static_cast<std::size_t>(row)) = grey(column, row);
        }
    }
    return image;
}

/// A slice along z, head up: `grey(column, z)`.
template <class Grey>
GreyImage draw_upright(VolumeView const& volume, std::int64_t width, Grey const& grey) {
    std::int64_t const num_z = volume.size(2);
    std::int64_t const highest =
        8 * (volume.size(0) + volume.size(1));  // odd spacings must not exhaust memory
    double const height_in_pixels = static_cast<double>(num_z) * volume.z_stretch();
    auto const height = std::clamp<std::int64_t>(
        std::llround(std::min(height_in_pixels, static_cast<double>(highest))), 1, highest);
    return draw(width, height, [&](std::int64_t column, std::int64_t row) {
        return grey(column, num_z - 1 - row * num_z / height);
    });
}

GreyImage side_by_side(std::vector<GreyImage> const& images) {
    std::size_t width = kGapPixels * (images.size() - 1);
    std::size_t height = 0;
    for (GreyImage const& image : images) {
        width += image.width;
        height = std::max(height, image.height);
    }
    GreyImage sheet(width, height);
    std::size_t left = 0;
    for (GreyImage const& image : images) {
        for (std::size_t row = 0; row < image.height; ++row) {
            auto const first = image.pixels.begin() + static_cast<std::ptrdiff_t>(row * image.width);
            std::copy_n(first, image.width, &sheet.at(left, row));
        }
        left += image.width + kGapPixels;
    }
    return sheet;
}

}  // namespace

void write_slice_sheet(std::filesystem::path const& path, SampleMetadata const& metadata,
                       std::span<std::uint16_t const> halves) {
    VolumeView const volume(metadata, halves);
    std::int64_t const middle_x = volume.size(0) / 2;
    std::int64_t const middle_y = volume.size(1) / 2;
    std::int64_t const middle_z = volume.size(2) / 2;
    GreyImage const axial = draw(volume.size(0), volume.size(1),
                                 [&](std::int64_t x, std::int64_t y) { return volume.grey(x, y, middle_z); });
    GreyImage const coronal = draw_upright(
        volume, volume.size(0), [&](std::int64_t x, std::int64_t z) { return volume.grey(x, middle_y, z); });
    GreyImage const sagittal = draw_upright(
        volume, volume.size(1), [&](std::int64_t y, std::int64_t z) { return volume.grey(middle_x, y, z); });
    write_png(path, side_by_side({axial, coronal, sagittal}));
}

}  // namespace ctclip
