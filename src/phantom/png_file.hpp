/// Grey pictures as PNG (libpng).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace ctclip {

struct GreyImage {
    GreyImage(std::size_t image_width, std::size_t image_height)
        : width(image_width), height(image_height), pixels(image_width * image_height, 0) {}

    std::uint8_t& at(std::size_t x, std::size_t y) { return pixels[y * width + x]; }

    std::size_t width;
    std::size_t height;
    std::vector<std::uint8_t> pixels;  ///< rows from top to bottom
};

/// Replaces the file. @throws Error kCannotCreate, kIoError, kNoPermission; kInternal if libpng refuses the
/// image.
void write_png(std::filesystem::path const& path, GreyImage const& image);

}  // namespace ctclip
