#include "tools/histogram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <cstring>
#include <limits>

#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;

Array floats(std::vector<float> const& values) {
    auto const bytes = std::as_bytes(std::span(values));
    return {DType::kF32, {static_cast<std::int64_t>(values.size())}, {bytes.begin(), bytes.end()}};
}

TEST(Histogram, CountsFiniteValuesAndPutsTheLargestIntoTheLastBin) {
    float const inf = std::numeric_limits<float>::infinity();
    float const nan = std::numeric_limits<float>::quiet_NaN();
    Histogram const histogram = make_histogram(floats({0.0F, 0.4F, 1.0F, 1.9F, 4.0F, inf, -inf, nan}), 0.0, 4.0, 4);
    EXPECT_THAT(histogram.counts, ElementsAre(2, 2, 0, 1));
    EXPECT_EQ(histogram.bin_width(), 1.0);
    EXPECT_EQ(histogram.most(), 2U);
}

TEST(Histogram, OfOneValueIsOneBin) {
    float const nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(make_histogram(floats({3.0F, 3.0F, nan}), 3.0, 3.0, 2).counts, ElementsAre(2, 0));
}

TEST(HistogramPng, DrawsBarsInProportion) {
    TempDir const dir;
    write_histogram_png(dir / "bars.png", {-1.0, 1.0, {4, 0, 2, 1}});

    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    ASSERT_NE(png_image_begin_read_from_file(&image, (dir / "bars.png").c_str()), 0) << image.message;
    image.format = PNG_FORMAT_GRAY;
    std::vector<png_byte> pixels(PNG_IMAGE_SIZE(image));
    ASSERT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0) << image.message;
    auto const dark_in_column = [&](std::size_t x) {
        std::size_t count = 0;
        for (std::size_t y = 0; y + 1 < image.height; ++y) {
            count += pixels[y * image.width + x] < 100 ? 1 : 0;
        }
        return count;
    };
    std::size_t const eighth = image.width / 8;
    std::size_t const axis = dark_in_column(3 * eighth);  // an empty bin
    std::size_t const full = dark_in_column(eighth) - axis;
    EXPECT_GT(full, image.height / 2);
    EXPECT_EQ(dark_in_column(5 * eighth) - axis, full / 2);
    EXPECT_EQ(dark_in_column(7 * eighth) - axis, full / 4);
}

}  // namespace
}  // namespace ctclip
