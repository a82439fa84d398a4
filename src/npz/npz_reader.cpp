#include "npz/npz_reader.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <vector>

#include "base/digested_file.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/printable.hpp"
#include "base/unchanged_file.hpp"
#include "npz/member_stream.hpp"
#include "npz/npy_header.hpp"
#include "zip/zip_crc32.hpp"
#include "zip/zip_directory.hpp"

namespace ctclip {

namespace {

constexpr std::string_view kSuffix = ".npy";
/// Small enough to stay in the second cache between the CRC and what is done with the voxels; whole elements of all
/// types.
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
static_assert(kPieceBytes >= kMaxNpyPrefixBytes);
constexpr std::size_t kListedMembers = 20;  ///< in messages
constexpr std::array<std::string_view, 4> kKnownKeys{"data", "volume", "arr_0", "arr"};

std::string list_keys(std::vector<ZipMember> const& members) {
    std::string list;
    for (ZipMember const& member : std::span(members).first(std::min(members.size(), kListedMembers))) {
        bool const is_array = member.name.ends_with(kSuffix);
        list += list.empty() ? "" : ", ";
        list += is_array ? printable(member.name.substr(0, member.name.size() - kSuffix.size()))
                         : printable(member.name) + " (no .npy)";
    }
    if (members.size() > kListedMembers) {
        list += fmt::format(" and {} more", members.size() - kListedMembers);
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

}  // namespace

/// An open file with the member that was chosen.
struct NpzReader::Source {
    explicit Source(std::filesystem::path const& path_of_file)
        : path(path_of_file), file(open_for_reading(path)), guard(file, path) {}

    void require_crc32(std::uint32_t found) const {
        require(found == member.crc32, ExitCode::kBadInput, "{}: CRC-32 does not match (the file is damaged)", what);
    }

    std::filesystem::path path;
    FileDescriptor file;
    UnchangedFile guard;
    ZipMember member;
    std::string what;  ///< the member, in messages
    NpyHeader header;
};

void NpzReader::FreeDecompressor::operator()(libdeflate_decompressor* decompressor) const noexcept {
    libdeflate_free_decompressor(decompressor);
}

NpzReader::NpzReader(NpzLimits limits) : limits_(limits) {}
NpzReader::NpzReader(NpzReader&&) noexcept = default;
NpzReader& NpzReader::operator=(NpzReader&&) noexcept = default;
NpzReader::~NpzReader() = default;

VolumeHeader const& NpzReader::open(std::filesystem::path const& path, std::string const& key) {
    source_ = std::make_unique<Source>(path);
    is_inflated_ = false;
    Source& source = *source_;
    source.guard.guarded([&] {
        source.member =
            choose_member(read_zip_directory(source.file, path, source.guard.size_bytes()), key, path);
        source.what = path.string() + ": member '" + printable(source.member.name) + "'";
        read_header(source);
    });
    array_.key = source.member.name.substr(0, source.member.name.size() - kSuffix.size());
    array_.type = source.header.type;
    array_.shape = source.header.shape;
    array_.is_fortran_order = source.header.is_fortran_order;
    array_.is_big_endian = source.header.is_big_endian;
    array_.payload_offset = source.header.payload_offset;
    return array_;
}

std::uint64_t NpzReader::bytes_held_by_whole() const {
    ZipMember const& member = source_->member;
    std::uint64_t const compressed_bytes = member.method == ZipMethod::kStored ? 0 : member.compressed_bytes;
    return std::max(allocated_bytes(member.uncompressed_bytes), array_.member.capacity_bytes()) +
           std::max(allocated_bytes(compressed_bytes), compressed_.capacity_bytes());
}

void NpzReader::release_memory() {
    CTCLIP_EXPECT(!is_inflated_);
    array_.member = {};
    compressed_ = {};
}

std::uint64_t NpzReader::file_bytes() const { return source_->guard.size_bytes(); }

void NpzReader::inflate() {
    CTCLIP_EXPECT(source_ && !is_inflated_);
    Source& source = *source_;
    source.guard.guarded([&] {
        DigestedFile file(source.file, source.path);
        file.skip_to(source.member.data_offset);
        std::span<std::byte> const content = array_.member.resize(source.member.uncompressed_bytes);
        if (source.member.method == ZipMethod::kStored) {
            file.read(content);
        } else {
            file.read(compressed_.resize(source.member.compressed_bytes));
            inflate_whole(content, source.what);
        }
        file.skip_to(source.guard.size_bytes());
        file_crc32c_ = file.crc32c();
    });
    source.file.reset();
    is_inflated_ = true;
}

void NpzReader::inflate_whole(std::span<std::byte> out, std::string const& what) {
    if (decompressor_ == nullptr) {
        decompressor_.reset(libdeflate_alloc_decompressor());
        if (decompressor_ == nullptr) {
            throw std::bad_alloc();
        }
    }
    std::span<std::byte const> const compressed = compressed_.bytes();
    std::size_t used_bytes = 0;
    std::size_t made_bytes = 0;
    libdeflate_result const result = libdeflate_deflate_decompress_ex(
        decompressor_.get(), compressed.data(), compressed.size(), out.data(), out.size(), &used_bytes, &made_bytes);
    require(result == LIBDEFLATE_SUCCESS && made_bytes == out.size() && used_bytes == compressed.size(),
            ExitCode::kBadInput, "{}: {}", what, kWrongStream);
}

NpzArray const& NpzReader::decode_whole() {
    inflate();
    std::span<std::byte const> const content = array_.member.bytes();
    source_->require_crc32(zip_crc32(content));
    return array_;
}

void NpzReader::decode_in_pieces(VoxelSink const& use) {
    is_inflated_ ? give_inflated(use) : give_from_file(use);
}

void NpzReader::give_inflated(VoxelSink const& use) const {
    std::span<std::byte const> const content = array_.member.bytes();
    std::uint32_t crc32 = zip_crc32(content.first(array_.payload_offset));
    for (std::size_t done = array_.payload_offset; done < content.size(); done += kPieceBytes) {
        std::span<std::byte const> const voxels = content.subspan(done, std::min(kPieceBytes, content.size() - done));
        crc32 = zip_crc32(voxels, crc32);
        use(voxels);
    }
    source_->require_crc32(crc32);
}

void NpzReader::give_from_file(VoxelSink const& use) {
    Source const& source = *source_;
    source.guard.guarded([&] {
        DigestedFile file(source.file, source.path);
        MemberStream stream(file, source.member, source.what);
        std::span<std::byte> const piece = piece_.resize(kPieceBytes);
        std::uint32_t crc32 = 0;
        auto const read = [&](std::uint64_t num_bytes) {
            std::span<std::byte> const bytes = piece.first(num_bytes);
            stream.read(bytes);
            crc32 = zip_crc32(bytes, crc32);
            return bytes;
        };
        read(array_.payload_offset);
        for (std::uint64_t left = source.header.payload_bytes; left > 0;) {
            std::span<std::byte const> const voxels = read(std::min<std::uint64_t>(kPieceBytes, left));
            use(voxels);
            left -= voxels.size();
        }
        stream.finish();
        source.require_crc32(crc32);
        file.skip_to(source.guard.size_bytes());
        file_crc32c_ = file.crc32c();
    });
}

NpzArray const& NpzReader::read(std::filesystem::path const& path, std::string const& key) {
    open(path, key);
    return decode_whole();
}

VolumeSummary NpzReader::peek(std::filesystem::path const& path, std::string const& key) {
    VolumeHeader const& header = open(path, key);
    return {header.type, header.shape, std::exchange(source_, nullptr)->member.crc32};
}

void NpzReader::read_header(Source& source) {
    ZipMember const& member = source.member;
    std::uint64_t const max_bytes = limits_.max_array_bytes + kMaxNpyPrefixBytes;
    require(std::max(member.compressed_bytes, member.uncompressed_bytes) <= max_bytes, ExitCode::kBadInput,
            "{} claims {} bytes, at most {} are accepted", source.what, member.uncompressed_bytes, max_bytes);
    std::vector<std::byte> prefix(std::min<std::uint64_t>(member.uncompressed_bytes, kMaxNpyPrefixBytes));
    DigestedFile file(source.file, source.path, member.data_offset);
    MemberStream(file, member, source.what).read(prefix);
    NpyHeader const header = parse_npy_header(prefix, source.what);
    require(header.payload_bytes <= limits_.max_array_bytes, ExitCode::kBadInput,
            "{}: shape {} of {} needs {} bytes, at most {} are accepted", source.what, to_string(header.shape),
            dtype_name(header.type), header.payload_bytes, limits_.max_array_bytes);
    std::uint64_t const payload_bytes = member.uncompressed_bytes - header.payload_offset;
    require(header.payload_bytes == payload_bytes, ExitCode::kBadInput,
            "{}: shape {} of {} needs {} bytes, the member has {}", source.what, to_string(header.shape),
            dtype_name(header.type), header.payload_bytes, payload_bytes);
    source.header = header;
}

NpzArray read_npz(std::filesystem::path const& path, std::string const& key, NpzLimits limits) {
    NpzReader reader(limits);
    reader.read(path, key);
    return std::move(reader).take();
}

}  // namespace ctclip
