#include "zip/zip_end_record.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "zip/zip_format.hpp"

namespace ctclip {

namespace {

constexpr std::uint64_t kMaxDirectoryBytes = std::uint64_t{64} << 20;
constexpr char const* kSeveralDisks = "the zip file spans several disks, which is not supported";

template <class T>
T load(std::vector<std::byte> const& bytes, std::size_t position) {
    T value;
    std::memcpy(&value, bytes.data() + position, sizeof(T));
    return value;
}

/// The end record is the last thing in the file, but for a comment whose length it states.
std::uint64_t find_end(ZipSource const& source) {
    constexpr std::uint64_t kMaxCommentBytes = 0xFFFF;
    std::uint64_t const tail_bytes =
        std::min<std::uint64_t>(source.size_bytes(), zip::kEndBytes + kMaxCommentBytes);
    std::uint64_t const tail_offset = source.size_bytes() - tail_bytes;
    std::vector<std::byte> const tail = source.read(tail_offset, tail_bytes, "end of the file");
    for (std::size_t comment_bytes = 0; comment_bytes + zip::kEndBytes <= tail.size(); ++comment_bytes) {
        std::size_t const position = tail.size() - zip::kEndBytes - comment_bytes;
        if (load<std::uint32_t>(tail, position) == zip::kEndSignature &&
            load<std::uint16_t>(tail, position + zip::kEndBytes - 2) == comment_bytes) {
            return tail_offset + position;
        }
    }
    source.check(false, "no zip end record (not a zip file, truncated, or followed by other bytes)");
    return 0;
}

std::optional<std::uint64_t> find_end64(ZipSource const& source, std::uint64_t end_offset) {
    if (end_offset < zip::kEnd64LocatorBytes + zip::kEnd64Bytes) {
        return std::nullopt;
    }
    std::uint64_t const locator_offset = end_offset - zip::kEnd64LocatorBytes;
    std::vector<std::byte> const bytes =
        source.read(locator_offset, zip::kEnd64LocatorBytes, "zip64 locator");
    FieldReader locator = source.fields(bytes, "zip64 locator");
    if (locator.take<std::uint32_t>() != zip::kEnd64LocatorSignature) {
        return std::nullopt;
    }
    auto const disk = locator.take<std::uint32_t>();
    auto const offset = locator.take<std::uint64_t>();
    auto const num_disks = locator.take<std::uint32_t>();
    source.check(disk == 0 && num_disks == 1, "{}", kSeveralDisks);
    source.check(offset == locator_offset - zip::kEnd64Bytes,
                 "the zip64 end record is not where its locator says");
    return offset;
}

ZipDirectoryLocation read_end64(ZipSource const& source, std::uint64_t offset) {
    std::vector<std::byte> const bytes = source.read(offset, zip::kEnd64Bytes, "zip64 end record");
    FieldReader end = source.fields(bytes, "zip64 end record");
    source.check(end.take<std::uint32_t>() == zip::kEnd64Signature,
                 "no zip64 end record where its locator points");
    source.check(end.take<std::uint64_t>() == zip::kEnd64Bytes - 12,
                 "the zip64 end record has an unknown size");
    end.take_bytes(4);  // versions
    auto const disk = end.take<std::uint32_t>();
    auto const directory_disk = end.take<std::uint32_t>();
    auto const members_here = end.take<std::uint64_t>();
    auto const members = end.take<std::uint64_t>();
    auto const size = end.take<std::uint64_t>();
    auto const directory_offset = end.take<std::uint64_t>();
    source.check(disk == 0 && directory_disk == 0 && members_here == members, "{}", kSeveralDisks);
    return {members, directory_offset, size};
}

}  // namespace

ZipDirectoryLocation locate_zip_directory(ZipSource const& source, ZipComment comment) {
    std::uint64_t const end_offset = find_end(source);
    source.check(comment == ZipComment::kAllowed || end_offset + zip::kEndBytes == source.size_bytes(),
                 "the zip file has a comment, which could hide a second archive");
    std::vector<std::byte> const bytes = source.read(end_offset, zip::kEndBytes, "end record");
    FieldReader end = source.fields(bytes, "end record");
    end.take_bytes(4);  // signature
    auto const disk = end.take<std::uint16_t>();
    auto const directory_disk = end.take<std::uint16_t>();
    auto const members_here = end.take<std::uint16_t>();
    auto const members = end.take<std::uint16_t>();
    auto const size = end.take<std::uint32_t>();
    auto const offset = end.take<std::uint32_t>();
    source.check(disk == 0 && directory_disk == 0 && members_here == members, "{}", kSeveralDisks);

    ZipDirectoryLocation directory{members, offset, size};
    std::uint64_t directory_end = end_offset;
    if (std::optional<std::uint64_t> const end64_offset = find_end64(source, end_offset)) {
        ZipDirectoryLocation const wide = read_end64(source, *end64_offset);
        source.check((members == zip::kSeeZip64Short || members == wide.num_members) &&
                         (size == zip::kSeeZip64 || size == wide.size_bytes) &&
                         (offset == zip::kSeeZip64 || offset == wide.offset),
                     "end record and zip64 end record disagree");
        directory = wide;
        directory_end = *end64_offset;
    }
    source.check(
        directory.size_bytes <= kMaxDirectoryBytes && directory.offset <= directory_end &&
            directory.size_bytes == directory_end - directory.offset,
        "the zip directory is not where the end record says (truncated, or bytes before the zip file)");
    return directory;
}

}  // namespace ctclip
