#include "npz/npz_writer.hpp"

#include <fmt/format.h>
#include <libdeflate.h>

#include <cstring>
#include <memory>
#include <new>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "npz/scratch_buffer.hpp"
#include "zip/zip_crc32.hpp"
#include "zip/zip_format.hpp"

namespace ctclip {

namespace {

constexpr std::size_t kHeaderAlignment = 64;

char const* kind_of(DType type) {
    switch (type) {
        case DType::kF64:
            return "f8";
        case DType::kF32:
            return "f4";
        case DType::kF16:
            return "f2";
        case DType::kI64:
            return "i8";
        case DType::kI32:
            return "i4";
        case DType::kI16:
            return "i2";
        case DType::kI8:
            return "i1";
        case DType::kU64:
            return "u8";
        case DType::kU32:
            return "u4";
        case DType::kU16:
            return "u2";
        case DType::kU8:
            return "u1";
        case DType::kBool:
            return "b1";
        default:
            fail(ExitCode::kBadInput, "numpy has no {}; it cannot be written to an .npz", dtype_name(type));
    }
}

std::string npy_header(DType type, Shape const& shape, NpzLayout const& layout) {
    char const order = item_size_bytes(type) == 1 ? '|' : layout.byte_order == ByteOrder::kBig ? '>' : '<';
    std::string axes;
    for (std::int64_t const size : shape) {
        axes += fmt::format("{}, ", size);
    }
    if (!shape.empty()) {
        axes.resize(axes.size() - (shape.size() == 1 ? 1 : 2));  // "(4,)", but "(4, 5)"
    }
    std::string text =
        fmt::format("{{'descr': '{}{}', 'fortran_order': {}, 'shape': ({}), }}", order, kind_of(type),
                    layout.order == ArrayOrder::kFortran ? "True" : "False", axes);
    std::string header("\x93NUMPY\x01\x00", 8);
    std::size_t const unpadded = header.size() + 2 + text.size() + 1;
    text.append((kHeaderAlignment - unpadded % kHeaderAlignment) % kHeaderAlignment, ' ');
    text += '\n';
    header += static_cast<char>(text.size() & 0xFF);
    header += static_cast<char>(text.size() >> 8);
    return header + text;
}

/// Little-endian record under construction.
class Record {
  public:
    template <class T>
    Record& put(T value) {
        bytes_.append(reinterpret_cast<char const*>(&value), sizeof(T));
        return *this;
    }
    Record& put_text(std::string const& text) {
        bytes_ += text;
        return *this;
    }
    std::string const& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

struct PackedMember {
    std::string name;
    std::uint16_t method;
    std::uint32_t crc32;
    std::uint64_t uncompressed_bytes;
    std::uint64_t compressed_bytes;
};

void put_common(Record& record, PackedMember const& member, std::uint32_t compressed,
                std::uint32_t uncompressed) {
    constexpr std::uint16_t kMidnight = 0;
    constexpr std::uint16_t kFirstOfJanuary1980 = 0x0021;
    record.put(std::uint16_t{0}).put(member.method).put(kMidnight).put(kFirstOfJanuary1980);
    record.put(member.crc32).put(compressed).put(uncompressed);
    record.put(static_cast<std::uint16_t>(member.name.size()));
}

// Like numpy: the local header always refers to its zip64 field.
std::string local_header(PackedMember const& member) {
    Record record;
    record.put(zip::kLocalSignature).put(zip::kVersionZip64);
    put_common(record, member, zip::kSeeZip64, zip::kSeeZip64);
    record.put(std::uint16_t{20}).put_text(member.name);
    record.put(zip::kZip64Extra)
        .put(std::uint16_t{16})
        .put(member.uncompressed_bytes)
        .put(member.compressed_bytes);
    return record.bytes();
}

std::string central_header(PackedMember const& member) {
    constexpr std::uint16_t kMadeByUnix = 3 << 8;
    constexpr std::uint32_t kReadWriteForOwner = 0600U << 16;
    bool const is_wide =
        member.uncompressed_bytes >= zip::kSeeZip64 || member.compressed_bytes >= zip::kSeeZip64;
    Record record;
    record.put(zip::kCentralSignature);
    record.put(static_cast<std::uint16_t>(kMadeByUnix | zip::kVersionZip64)).put(zip::kVersionZip64);
    put_common(record, member, is_wide ? zip::kSeeZip64 : static_cast<std::uint32_t>(member.compressed_bytes),
               is_wide ? zip::kSeeZip64 : static_cast<std::uint32_t>(member.uncompressed_bytes));
    record.put(static_cast<std::uint16_t>(is_wide ? 20 : 0)).put(std::uint16_t{0});  // extra, comment
    record.put(std::uint16_t{0}).put(std::uint16_t{0}).put(kReadWriteForOwner);      // disk, attributes
    record.put(std::uint32_t{0}).put_text(member.name);  // offset of the local header
    if (is_wide) {
        record.put(zip::kZip64Extra).put(std::uint16_t{16});
        record.put(member.uncompressed_bytes).put(member.compressed_bytes);
    }
    return record.bytes();
}

std::string end_records(std::uint64_t directory_offset, std::uint64_t directory_bytes) {
    bool const is_wide = directory_offset >= zip::kSeeZip64;
    Record record;
    if (is_wide) {
        record.put(zip::kEnd64Signature).put(std::uint64_t{zip::kEnd64Bytes - 12});
        record.put(zip::kVersionZip64).put(zip::kVersionZip64).put(std::uint32_t{0}).put(std::uint32_t{0});
        record.put(std::uint64_t{1}).put(std::uint64_t{1}).put(directory_bytes).put(directory_offset);
        record.put(zip::kEnd64LocatorSignature).put(std::uint32_t{0}).put(directory_offset + directory_bytes);
        record.put(std::uint32_t{1});
    }
    record.put(zip::kEndSignature).put(std::uint16_t{0}).put(std::uint16_t{0});
    record.put(std::uint16_t{1}).put(std::uint16_t{1}).put(static_cast<std::uint32_t>(directory_bytes));
    record.put(is_wide ? zip::kSeeZip64 : static_cast<std::uint32_t>(directory_offset)).put(std::uint16_t{0});
    return record.bytes();
}

void deflate(std::span<std::byte const> content, int level, ScratchBuffer& packed) {
    std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> const compressor(
        libdeflate_alloc_compressor(level), &libdeflate_free_compressor);
    if (compressor == nullptr) {
        throw std::bad_alloc();
    }
    std::span<std::byte> const room =
        packed.resize(libdeflate_deflate_compress_bound(compressor.get(), content.size()));
    packed.resize(libdeflate_deflate_compress(compressor.get(), content.data(), content.size(), room.data(),
                                              room.size()));
}

}  // namespace

void write_npz(std::filesystem::path const& path, std::string const& key, DType type, Shape const& shape,
               NpzLayout const& layout, std::span<std::byte const> bytes) {
    std::uint64_t const needed = static_cast<std::uint64_t>(element_count(shape)) * item_size_bytes(type);
    require(bytes.size() == needed, ExitCode::kBadInput, "{}: {} bytes for shape {} of {}, which needs {}",
            path.string(), bytes.size(), to_string(shape), dtype_name(type), needed);
    std::string const header = npy_header(type, shape, layout);
    ScratchBuffer whole;
    std::span<std::byte> const content = whole.resize(header.size() + bytes.size());
    std::memcpy(content.data(), header.data(), header.size());
    std::memcpy(content.data() + header.size(), bytes.data(), bytes.size());

    bool const is_deflated = layout.compression == NpzCompression::kDeflated;
    ScratchBuffer packed;
    if (is_deflated) {
        deflate(content, layout.compression_level, packed);
    }
    std::span<std::byte const> const data = is_deflated ? packed.bytes() : content;
    PackedMember const member{key + ".npy", static_cast<std::uint16_t>(is_deflated ? 8 : 0), zip_crc32(content),
                              content.size(), data.size()};
    std::string const local = local_header(member);
    std::string const central = central_header(member);

    DurableFile file(path);
    file.write(local);
    file.write(data);
    file.write(central);
    file.write(end_records(local.size() + data.size(), central.size()));
    file.commit();
}

}  // namespace ctclip
