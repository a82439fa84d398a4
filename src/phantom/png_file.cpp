#include "phantom/png_file.hpp"

#include <png.h>

#include <cstring>

#include "base/durable_file.hpp"
#include "base/error.hpp"

namespace ctclip {

void write_png(std::filesystem::path const& path, GreyImage const& image) {
    png_image header;
    std::memset(&header, 0, sizeof(header));
    header.version = PNG_IMAGE_VERSION;
    header.width = static_cast<png_uint_32>(image.width);
    header.height = static_cast<png_uint_32>(image.height);
    header.format = PNG_FORMAT_GRAY;
    png_alloc_size_t num_bytes = PNG_IMAGE_PNG_SIZE_MAX(header);
    std::vector<std::byte> encoded(num_bytes);
    int const is_written =
        png_image_write_to_memory(&header, encoded.data(), &num_bytes, 0, image.pixels.data(), 0, nullptr);
    require(is_written != 0, ExitCode::kInternal, "libpng cannot encode a picture of {} x {} pixels: {}",
            image.width, image.height, header.message);
    DurableFile file(path, IfExists::kReplace);
    file.write(std::span(encoded).first(num_bytes));
    file.commit();
}

}  // namespace ctclip
