/// NIfTI files made by hand, field by field, from the definition of the format (nifti1.h, nifti2.h).
#pragma once

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ctclip {

/// One gzip member that holds `content`.
inline std::string gzip_member(std::string content) {
    z_stream stream{};
    std::string member(content.size() + 1024, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(content.data());
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(member.data());
    stream.avail_out = static_cast<uInt>(member.size());
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        ::deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        throw std::runtime_error("zlib does not compress");
    }
    member.resize(member.size() - stream.avail_out);
    ::deflateEnd(&stream);
    return member;
}

struct MadeNifti {
    int version = 1;
    bool is_big_endian = false;
    std::int16_t datatype = 4;  ///< int16
    std::optional<std::int16_t> bitpix;  ///< none: as the datatype has
    std::array<std::int64_t, 3> size{4, 3, 2};
    double slope = 0.0;
    double intercept = 0.0;
    bool has_sform = true;
    /// RAS mm of voxel axes; LPS in order by default.
    std::array<std::array<double, 3>, 3> affine{{{-0.5, 0, 0}, {0, -0.5, 0}, {0, 0, 1.5}}};
    bool has_qform = false;
    std::array<double, 3> quaternion{};
    std::array<double, 4> pixdim{1.0, 0.5, 0.5, 1.5};
    std::int64_t num_axes = 3;
    std::vector<double> voxels;  ///< file order, i fastest

    std::string bytes() const {
        std::string out(version == 1 ? 352 : 544, '\0');
        bool const is_v2 = version == 2;
        put<std::int32_t>(out, 0, is_v2 ? 540 : 348);
        is_v2 ? out.replace(4, 8, std::string("n+2\0\r\n\032\n", 8))
              : out.replace(344, 4, std::string("n+1\0", 4));
        put_integer(out, is_v2 ? 16 : 40, 0, num_axes);
        for (std::size_t i = 0; i < 7; ++i) {
            put_integer(out, is_v2 ? 16 : 40, i + 1, i < 3 ? size[i] : 1);
        }
        put<std::int16_t>(out, is_v2 ? 12 : 70, datatype);
        put<std::int16_t>(out, is_v2 ? 14 : 72, bitpix.value_or(bits_of_datatype()));
        for (std::size_t i = 0; i < 4; ++i) {
            put_real(out, is_v2 ? 104 : 76, i, pixdim[i]);
        }
        if (is_v2) {
            put<std::int64_t>(out, 168, 544);
        } else {
            put<float>(out, 108, 352.0F);
        }
        put_real(out, is_v2 ? 176 : 112, 0, slope);
        put_real(out, is_v2 ? 184 : 116, 0, intercept);
        out[is_v2 ? (is_big_endian ? 503 : 500) : 123] = 2 | 8;  // mm and seconds
        put_code(out, is_v2 ? 344 : 252, has_qform ? 1 : 0);
        put_code(out, is_v2 ? 348 : 254, has_sform ? 1 : 0);
        for (std::size_t i = 0; i < 3; ++i) {
            put_real(out, is_v2 ? 352 : 256, i, quaternion[i]);
            for (std::size_t j = 0; j < 3; ++j) {
                put_real(out, is_v2 ? 400 : 280, 4 * i + j, affine[i][j]);
            }
        }
        for (double const voxel : voxels) {
            append_voxel(out, voxel);
        }
        return out;
    }

    std::filesystem::path write(std::filesystem::path const& path) const {
        std::ofstream(path, std::ios::binary)
            << (path.native().ends_with(".gz") ? gzip_member(bytes()) : bytes());
        return path;
    }

  private:
    std::int16_t bits_of_datatype() const {
        std::string voxel;
        append_voxel(voxel, 0.0);
        return static_cast<std::int16_t>(8 * voxel.size());
    }
    template <class T>
    std::array<char, sizeof(T)> raw(T value) const {
        auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
        if (is_big_endian) {
            std::ranges::reverse(bytes);
        }
        return bytes;
    }
    template <class T>
    void put(std::string& out, std::size_t offset, T value) const {
        auto const bytes = raw(value);
        std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void put_integer(std::string& out, std::size_t offset, std::size_t index, std::int64_t value) const {
        version == 2 ? put<std::int64_t>(out, offset + 8 * index, value)
                     : put<std::int16_t>(out, offset + 2 * index, static_cast<std::int16_t>(value));
    }
    void put_real(std::string& out, std::size_t offset, std::size_t index, double value) const {
        version == 2 ? put<double>(out, offset + 8 * index, value)
                     : put<float>(out, offset + 4 * index, static_cast<float>(value));
    }
    void put_code(std::string& out, std::size_t offset, std::int32_t value) const {
        version == 2 ? put<std::int32_t>(out, offset, value)
                     : put<std::int16_t>(out, offset, static_cast<std::int16_t>(value));
    }
    template <class T>
    void append(std::string& out, double value) const {
        auto const bytes = raw(static_cast<T>(value));
        out.append(bytes.begin(), bytes.end());
    }
    void append_voxel(std::string& out, double value) const {
        switch (datatype) {
            case 2:
                return append<std::uint8_t>(out, value);
            case 4:
                return append<std::int16_t>(out, value);
            case 8:
                return append<std::int32_t>(out, value);
            case 16:
                return append<float>(out, value);
            case 64:
                return append<double>(out, value);
            case 256:
                return append<std::int8_t>(out, value);
            case 512:
                return append<std::uint16_t>(out, value);
            default:
                return append<std::int64_t>(out, value);
        }
    }
};

}  // namespace ctclip
