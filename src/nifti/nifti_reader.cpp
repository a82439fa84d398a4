#include "nifti/nifti_reader.hpp"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <new>

#include "base/digested_file.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/unchanged_file.hpp"

namespace ctclip {
namespace {

constexpr int kGzipWindowBits = 15 + 16;
/// No deflate stream holds more for each of its bytes (zlib.net/zlib_tech.html).
constexpr std::uint64_t kMaxDeflateRatio = 1032;
/// Of a gzip file: more than a NIfTI header and the names that gzip may keep in its own.
constexpr std::uint64_t kMaxCompressedPrefixBytes = std::uint64_t{64} << 10;

bool is_gzip(std::span<std::byte const> content) {
    return content.size() >= 2 && content[0] == std::byte{0x1F} && content[1] == std::byte{0x8B};
}

/// The first bytes of what gzip members hold, as many as `prefix` has room for; returns how many there are.
std::size_t inflate_prefix(std::span<std::byte const> compressed, std::span<std::byte> prefix,
                           std::string const& what) {
    z_stream stream{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
    stream.avail_in = static_cast<uInt>(std::min<std::size_t>(compressed.size(), 1U << 20));
    stream.next_out = reinterpret_cast<Bytef*>(prefix.data());
    stream.avail_out = static_cast<uInt>(prefix.size());
    if (::inflateInit2(&stream, kGzipWindowBits) != Z_OK) {
        throw std::bad_alloc();
    }
    int status = ::inflate(&stream, Z_SYNC_FLUSH);
    auto const rest = [&] { return std::as_bytes(std::span(stream.next_in, stream.avail_in)); };
    while (status == Z_STREAM_END && stream.avail_out > 0 && is_gzip(rest())) {  // another member
        ::inflateReset(&stream);
        status = ::inflate(&stream, Z_SYNC_FLUSH);
    }
    ::inflateEnd(&stream);
    require(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, ExitCode::kBadInput,
            "{}: the gzip stream is damaged", what);
    return prefix.size() - stream.avail_out;
}

/// Gzip members one after the other (bgzip, pigz and cat make them), each with its CRC-32 and length checked;
/// together they must fill `out`, and end with the file or with zeros, which gzip ignores too.
void gunzip(std::span<std::byte const> compressed, std::span<std::byte> out, std::string const& what) {
    std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> const decompressor(
        libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
    if (decompressor == nullptr) {
        throw std::bad_alloc();
    }
    std::size_t const whole_bytes = out.size();
    while (is_gzip(compressed)) {
        std::size_t used_bytes = 0;
        std::size_t made_bytes = 0;
        libdeflate_result const result =
            libdeflate_gzip_decompress_ex(decompressor.get(), compressed.data(), compressed.size(),
                                          out.data(), out.size(), &used_bytes, &made_bytes);
        require(result != LIBDEFLATE_INSUFFICIENT_SPACE, ExitCode::kBadInput,
                "{}: holds more than the {} bytes of its header and voxels", what, whole_bytes);
        require(result == LIBDEFLATE_SUCCESS, ExitCode::kBadInput,
                "{}: the gzip stream is damaged, or its CRC-32 does not match", what);
        compressed = compressed.subspan(used_bytes);
        out = out.subspan(made_bytes);
    }
    require(out.empty(), ExitCode::kBadInput, "{}: {} bytes, but header and voxels need {}", what,
            whole_bytes - out.size(), whole_bytes);
    require(std::ranges::all_of(compressed, [](std::byte byte) { return byte == std::byte{0}; }),
            ExitCode::kBadInput, "{}: {} bytes follow the gzip stream", what, compressed.size());
}

DType turned_type(NiftiHeader const& header) {
    return header.has_scaling() ? DType::kF64 : header.type;
}

Shape turned_shape(NiftiHeader const& header) {
    Shape shape;
    for (NiftiAxis const& axis : header.axes) {
        shape.push_back(header.size[axis.file_axis]);
    }
    return shape;
}

std::uint64_t checked_size(NiftiHeader const& header, NpzLimits const& limits, std::string const& what) {
    DType const type = turned_type(header);
    std::uint64_t const turned_bytes =
        header.data_bytes / item_size_bytes(header.type) * item_size_bytes(type);
    require(turned_bytes <= limits.max_array_bytes, ExitCode::kBadInput,
            "{}: {} x {} x {} voxels need {} bytes as {}, at most {} are accepted", what, header.size[0],
            header.size[1], header.size[2], turned_bytes, dtype_name(type), limits.max_array_bytes);
    return header.data_offset + header.data_bytes;
}

template <class T>
T load_value(std::byte const* from, bool is_swapped) {
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), from, sizeof(T));
    if (is_swapped) {
        std::ranges::reverse(raw);
    }
    return std::bit_cast<T>(raw);
}

/// Where voxel (x, y, z) of LPS lies among the file's voxels: start + x * step[0] + y * step[1] + z *
/// step[2].
struct Walk {
    std::int64_t start = 0;
    std::array<std::int64_t, 3> step{};
    std::array<std::int64_t, 3> size{};

    explicit Walk(NiftiHeader const& header) {
        std::array<std::int64_t, 3> const strides{1, header.size[0], header.size[0] * header.size[1]};
        for (std::size_t axis = 0; axis < 3; ++axis) {
            NiftiAxis const& way = header.axes[axis];
            size[axis] = header.size[way.file_axis];
            step[axis] = strides[way.file_axis] * (way.is_reversed ? -1 : 1);
            start += way.is_reversed ? strides[way.file_axis] * (size[axis] - 1) : 0;
        }
    }
};

/// Stored voxels -> Fortran order of LPS. @param value  what a stored voxel becomes.
template <class Stored, class Out, class Value>
void turn(NiftiHeader const& header, std::byte const* stored, std::byte* out, Value const& value) {
    Walk const walk(header);
    for (std::int64_t z = 0; z < walk.size[2]; ++z) {
        for (std::int64_t y = 0; y < walk.size[1]; ++y) {
            std::int64_t at = walk.start + z * walk.step[2] + y * walk.step[1];
            for (std::int64_t x = 0; x < walk.size[0]; ++x, at += walk.step[0]) {
                Out const turned = value(load_value<Stored>(
                    stored + at * static_cast<std::int64_t>(sizeof(Stored)), header.is_big_endian));
                std::memcpy(out, &turned, sizeof turned);
                out += sizeof turned;
            }
        }
    }
}

template <class Stored>
void turn_or_scale(NiftiHeader const& header, std::byte const* stored, std::byte* out) {
    if (header.has_scaling()) {
        turn<Stored, double>(header, stored, out, [&](Stored value) {
            return header.slope * static_cast<double>(value) + header.intercept;
        });
    } else {
        turn<Stored, Stored>(header, stored, out, [](Stored value) { return value; });
    }
}

void turn_any(NiftiHeader const& header, std::byte const* stored, std::byte* out) {
    switch (header.type) {
        case DType::kU8:
            return turn_or_scale<std::uint8_t>(header, stored, out);
        case DType::kI8:
            return turn_or_scale<std::int8_t>(header, stored, out);
        case DType::kU16:
            return turn_or_scale<std::uint16_t>(header, stored, out);
        case DType::kI16:
            return turn_or_scale<std::int16_t>(header, stored, out);
        case DType::kI32:
            return turn_or_scale<std::int32_t>(header, stored, out);
        case DType::kF32:
            return turn_or_scale<float>(header, stored, out);
        default:
            return turn_or_scale<double>(header, stored, out);
    }
}

}  // namespace

bool is_nifti(std::filesystem::path const& path) {
    return path.native().ends_with(".nii") || path.native().ends_with(".nii.gz");
}

NpzArray const& NiftiReader::read(std::filesystem::path const& path) {
    std::span<std::byte const> const stored = load(path);
    array_.key = kNiftiKey;
    array_.type = turned_type(header_);
    array_.shape = turned_shape(header_);
    array_.is_fortran_order = true;
    array_.is_big_endian = false;
    array_.payload_offset = 0;
    auto const num_voxels = static_cast<std::size_t>(element_count(array_.shape));
    turn_any(header_, stored.data(), array_.member.resize(num_voxels * item_size_bytes(array_.type)).data());
    return array_;
}

VolumeSummary NiftiReader::peek(std::filesystem::path const& path) const {
    FileDescriptor const file = open_for_reading(path);
    std::string const what = path.string();
    std::vector<std::byte> raw(std::min(file_size_bytes(file, path), kMaxCompressedPrefixBytes));
    read_exactly(file, path, 0, raw);
    if (is_gzip(raw)) {
        std::vector<std::byte> content(kMaxNiftiHeaderBytes);
        content.resize(inflate_prefix(raw, content, what));
        raw = std::move(content);
    }
    NiftiHeader const header =
        parse_nifti_header(std::span(raw).first(std::min(raw.size(), kMaxNiftiHeaderBytes)), what);
    checked_size(header, limits_, what);
    return {turned_type(header), turned_shape(header), std::nullopt};
}

std::span<std::byte const> NiftiReader::load(std::filesystem::path const& path) {
    FileDescriptor const file = open_for_reading(path);
    UnchangedFile const guard(file, path);
    auto const file_bytes = static_cast<std::size_t>(guard.size_bytes());
    std::string const what = path.string();
    require(file_bytes <= limits_.max_array_bytes + (1U << 20), ExitCode::kBadInput,
            "{}: {} bytes, at most {} are accepted", what, file_bytes, limits_.max_array_bytes);
    std::span<std::byte> const raw = raw_.resize(file_bytes);
    guard.guarded([&] {
        DigestedFile digested(file, path);
        digested.read(raw);
        file_crc32c_ = digested.crc32c();
    });
    if (!is_gzip(raw)) {
        header_ = parse_nifti_header(raw.first(std::min(raw.size(), kMaxNiftiHeaderBytes)), what);
        std::uint64_t const needed = checked_size(header_, limits_, what);
        require(raw.size() == needed, ExitCode::kBadInput, "{}: {} bytes, but header and voxels need {}",
                what, raw.size(), needed);
        return raw.subspan(header_.data_offset);
    }
    std::array<std::byte, kMaxNiftiHeaderBytes> prefix;
    header_ = parse_nifti_header(std::span(prefix).first(inflate_prefix(raw, prefix, what)), what);
    std::uint64_t const needed = checked_size(header_, limits_, what);
    // A header that lies is found before memory is taken for what it claims.
    require(needed / kMaxDeflateRatio <= raw.size(), ExitCode::kBadInput,
            "{}: header and voxels need {} bytes, which a gzip stream of {} cannot hold", what, needed,
            raw.size());
    std::span<std::byte> const content = content_.resize(needed);
    gunzip(raw, content, what);
    return content.subspan(header_.data_offset);
}

}  // namespace ctclip
