#include "npz/npz_reader.hpp"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/unchanged_file.hpp"
#include "npz/npy_header.hpp"
#include "npz/zip_directory.hpp"

namespace ctclip {

namespace {

constexpr std::string_view kSuffix = ".npy";
/// Holds kMaxNpyPrefixBytes however they are packed: stored in blocks they take a few bytes more than they
/// are.
constexpr std::uint64_t kMaxCompressedPrefixBytes = kMaxNpyPrefixBytes + 1024;
constexpr std::array<std::string_view, 4> kKnownKeys{"data", "volume", "arr_0", "arr"};

std::string list_keys(std::vector<ZipMember> const& members) {
    std::string list;
    for (ZipMember const& member : members) {
        bool const is_array = member.name.ends_with(kSuffix);
        list += list.empty() ? "" : ", ";
        list += is_array ? printable(member.name.substr(0, member.name.size() - kSuffix.size()))
                         : printable(member.name) + " (no .npy)";
    }
    return list.empty() ? "nothing" : list;
}

ZipMember const* find_key(std::vector<ZipMember> const& members, std::string_view key) {
    auto const found = std::find_if(members.begin(), members.end(), [key](ZipMember const& member) {
        return member.name.size() == key.size() + kSuffix.size() && member.name.starts_with(key) &&
               member.name.ends_with(kSuffix);
    });
    return found == members.end() ? nullptr : &*found;
}

ZipMember const& choose_member(std::vector<ZipMember> const& members, std::string const& key,
                               std::filesystem::path const& path) {
    if (key != "auto") {
        ZipMember const* const member = find_key(members, key);
        require(member != nullptr, ExitCode::kBadInput, "{}: no array '{}'; the file holds: {}",
                path.string(), key, list_keys(members));
        return *member;
    }
    for (std::string_view const known : kKnownKeys) {
        if (ZipMember const* const member = find_key(members, known)) {
            return *member;
        }
    }
    fail(ExitCode::kBadInput,
         "{}: none of the arrays data, volume, arr_0, arr; the file holds: {}. Name the key.", path.string(),
         list_keys(members));
}

std::string member_name(std::filesystem::path const& path, ZipMember const& member) {
    return path.string() + ": member '" + printable(member.name) + "'";
}

/// Fills `prefix` with the first bytes of a deflate stream, or shrinks it to what there is.
void inflate_prefix(std::span<std::byte const> compressed, std::vector<std::byte>& prefix,
                    std::string const& what) {
    z_stream stream{};
    require(inflateInit2(&stream, -MAX_WBITS) == Z_OK, ExitCode::kInternal, "{}: zlib does not start", what);
    std::unique_ptr<z_stream, decltype(&inflateEnd)> const guard(&stream, &inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
    stream.avail_in = static_cast<uInt>(std::min<std::size_t>(compressed.size(), UINT32_MAX));
    stream.next_out = reinterpret_cast<Bytef*>(prefix.data());
    stream.avail_out = static_cast<uInt>(prefix.size());
    int const status = inflate(&stream, Z_SYNC_FLUSH);
    require(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, ExitCode::kBadInput,
            "{}: the deflate stream is damaged", what);
    prefix.resize(stream.total_out);
}

void inflate_whole(std::span<std::byte const> compressed, std::span<std::byte> out, std::string const& what) {
    static thread_local std::unique_ptr<libdeflate_decompressor,
                                        decltype(&libdeflate_free_decompressor)> const
        decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
    if (decompressor == nullptr) {
        throw std::bad_alloc();
    }
    std::size_t used_bytes = 0;
    std::size_t made_bytes = 0;
    libdeflate_result const result =
        libdeflate_deflate_decompress_ex(decompressor.get(), compressed.data(), compressed.size(), out.data(),
                                         out.size(), &used_bytes, &made_bytes);
    require(result != LIBDEFLATE_INSUFFICIENT_SPACE, ExitCode::kBadInput,
            "{}: the deflate stream holds more than the {} bytes of the array", what, out.size());
    require(result == LIBDEFLATE_SUCCESS && made_bytes == out.size() && used_bytes == compressed.size(),
            ExitCode::kBadInput, "{}: the deflate stream is damaged", what);
}

}  // namespace

NpzArray const& NpzReader::read(std::filesystem::path const& path, std::string const& key) {
    FileDescriptor const file = open_for_reading(path);
    UnchangedFile const guard(file, path);
    try {
        std::vector<ZipMember> const members = read_zip_directory(file, path, guard.size_bytes());
        read_member(file, path, choose_member(members, key, path));
    } catch (Error const&) {
        guard.require_unchanged();  // then that is the reason, and worth a retry
        throw;
    }
    guard.require_unchanged();
    return array_;
}

VolumeSummary NpzReader::peek(std::filesystem::path const& path, std::string const& key) {
    FileDescriptor const file = open_for_reading(path);
    std::vector<ZipMember> const members = read_zip_directory(file, path, file_size_bytes(file, path));
    ZipMember const& member = choose_member(members, key, path);
    NpyHeader const header = read_header(file, path, member, member_name(path, member),
                                         std::min(member.compressed_bytes, kMaxCompressedPrefixBytes));
    return {header.type, header.shape, member.crc32};
}

void NpzReader::read_member(FileDescriptor const& file, std::filesystem::path const& path,
                            ZipMember const& member) {
    std::string const what = member_name(path, member);
    NpyHeader const header = read_header(file, path, member, what, member.compressed_bytes);
    std::span<std::byte> const content = array_.member.resize(member.uncompressed_bytes);
    if (member.method == ZipMethod::kStored) {
        read_exactly(file, path, member.data_offset, content);
    } else {
        inflate_whole(compressed_.bytes(), content, what);
    }
    require(libdeflate_crc32(0, content.data(), content.size()) == member.crc32, ExitCode::kBadInput,
            "{}: CRC-32 does not match (the file is damaged)", what);

    array_.key = member.name.substr(0, member.name.size() - kSuffix.size());
    array_.type = header.type;
    array_.shape = header.shape;
    array_.is_fortran_order = header.is_fortran_order;
    array_.is_big_endian = header.is_big_endian;
    array_.payload_offset = header.payload_offset;
}

NpyHeader NpzReader::read_header(FileDescriptor const& file, std::filesystem::path const& path,
                                 ZipMember const& member, std::string const& what,
                                 std::uint64_t num_compressed_bytes) {
    std::uint64_t const max_bytes = limits_.max_array_bytes + kMaxNpyPrefixBytes;
    require(std::max(member.compressed_bytes, member.uncompressed_bytes) <= max_bytes, ExitCode::kBadInput,
            "{} claims {} bytes, at most {} are accepted", what, member.uncompressed_bytes, max_bytes);
    auto const prefix_bytes =
        static_cast<std::size_t>(std::min<std::uint64_t>(member.uncompressed_bytes, kMaxNpyPrefixBytes));
    std::vector<std::byte> prefix(prefix_bytes);
    if (member.method == ZipMethod::kStored) {
        require(member.compressed_bytes == member.uncompressed_bytes, ExitCode::kBadInput,
                "{} is stored, but its two sizes differ", what);
        read_exactly(file, path, member.data_offset, prefix);
    } else {
        read_exactly(file, path, member.data_offset, compressed_.resize(num_compressed_bytes));
        inflate_prefix(compressed_.bytes(), prefix, what);
    }
    NpyHeader const header = parse_npy_header(prefix, what);
    require(header.payload_bytes <= limits_.max_array_bytes, ExitCode::kBadInput,
            "{}: shape {} of {} needs {} bytes, at most {} are accepted", what, to_string(header.shape),
            dtype_name(header.type), header.payload_bytes, limits_.max_array_bytes);
    std::uint64_t const payload_bytes = member.uncompressed_bytes - header.payload_offset;
    require(header.payload_bytes == payload_bytes, ExitCode::kBadInput,
            "{}: shape {} of {} needs {} bytes, the member has {}", what, to_string(header.shape),
            dtype_name(header.type), header.payload_bytes, payload_bytes);
    return header;
}

NpzArray read_npz(std::filesystem::path const& path, std::string const& key, NpzLimits limits) {
    NpzReader reader(limits);
    reader.read(path, key);
    return std::move(reader).take();
}

}  // namespace ctclip
