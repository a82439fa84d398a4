#include "zip/zip_directory.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string_view>

#include "base/printable.hpp"
#include "zip/zip_end_record.hpp"
#include "zip/zip_format.hpp"
#include "zip/zip_source.hpp"

namespace ctclip {

namespace {

constexpr std::uint16_t kEncryptedFlag = 0x0001;
constexpr std::uint16_t kDeflateHintFlags = 0x0006;  // how hard the writer tried
constexpr std::uint16_t kDescriptorFlag = 0x0008;    // CRC and sizes follow the data, zeros precede it
constexpr std::uint16_t kUtf8NameFlag = 0x0800;

/// Fields that local and central header both have.
struct MemberHeader {
    std::string name;
    std::uint16_t flags = 0;
    std::uint16_t method = 0;
    std::uint32_t crc32 = 0;
    std::uint64_t compressed_bytes = 0;
    std::uint64_t uncompressed_bytes = 0;

    bool has_method(ZipMethod wanted) const { return method == static_cast<std::uint16_t>(wanted); }
    bool has_zero_sizes() const { return compressed_bytes == 0 && uncompressed_bytes == 0; }
    bool has_descriptor() const { return (flags & kDescriptorFlag) != 0; }
};

struct CentralHeader : MemberHeader {
    std::uint64_t local_offset = 0;
};

struct LocalHeader : MemberHeader {
    std::uint64_t data_offset = 0;
};

void take_common(FieldReader& fields, MemberHeader& header) {
    header.flags = fields.take<std::uint16_t>();
    header.method = fields.take<std::uint16_t>();
    fields.take_bytes(4);  // time and date
    header.crc32 = fields.take<std::uint32_t>();
    header.compressed_bytes = fields.take<std::uint32_t>();
    header.uncompressed_bytes = fields.take<std::uint32_t>();
}

/// Replaces every 0xFFFFFFFF by the 64-bit value that the zip64 extra field holds for it, in this order.
void widen(ZipSource const& source, FieldReader extra, std::initializer_list<std::uint64_t*> values,
           std::string const& shown) {
    bool const needs_zip64 =
        std::any_of(values.begin(), values.end(), [](auto const* value) { return *value == zip::kSeeZip64; });
    bool has_zip64 = false;
    while (!extra.is_at_end()) {
        auto const id = extra.take<std::uint16_t>();
        auto const size = extra.take<std::uint16_t>();
        FieldReader record = source.fields(extra.take_bytes(size), "zip64 field of member '" + shown + "'");
        if (id != zip::kZip64Extra) {
            continue;
        }
        source.check(!has_zip64, "member '{}' has two zip64 fields", shown);
        has_zip64 = true;
        for (std::uint64_t* const value : values) {
            if (*value == zip::kSeeZip64) {
                *value = record.take<std::uint64_t>();
            }
        }
        source.check(record.is_at_end(), "member '{}' has more zip64 values than it needs", shown);
    }
    source.check(has_zip64 || !needs_zip64, "member '{}' refers to a zip64 field that is missing", shown);
}

CentralHeader take_central(ZipSource const& source, FieldReader& entries) {
    source.check(entries.take<std::uint32_t>() == zip::kCentralSignature, "the zip directory is damaged");
    entries.take_bytes(4);  // versions
    CentralHeader header;
    take_common(entries, header);
    auto const name_bytes = entries.take<std::uint16_t>();
    auto const extra_bytes = entries.take<std::uint16_t>();
    auto const comment_bytes = entries.take<std::uint16_t>();
    auto const disk = entries.take<std::uint16_t>();
    entries.take_bytes(6);  // attributes
    header.local_offset = entries.take<std::uint32_t>();
    header.name = entries.take_text(name_bytes);
    std::string const shown = printable(header.name);
    FieldReader const extra =
        source.fields(entries.take_bytes(extra_bytes), "extra fields of '" + shown + "'");
    widen(source, extra, {&header.uncompressed_bytes, &header.compressed_bytes, &header.local_offset}, shown);
    entries.take_bytes(comment_bytes);

    source.check(disk == 0, "member '{}' lies on another disk", shown);
    source.check((header.flags & kEncryptedFlag) == 0, "member '{}' is encrypted", shown);
    bool const is_deflated = header.has_method(ZipMethod::kDeflated);
    source.check(is_deflated || header.has_method(ZipMethod::kStored),
                 "member '{}' uses zip compression method {}; stored (0) and deflate (8) are supported",
                 shown, header.method);
    int const understood = kDescriptorFlag | kUtf8NameFlag | (is_deflated ? kDeflateHintFlags : 0);
    source.check((header.flags & ~understood) == 0, "member '{}' has unknown zip flags {:#06x}", shown,
                 header.flags);
    source.check(is_deflated || header.compressed_bytes == header.uncompressed_bytes,
                 "member '{}' is stored, but its two sizes differ ({} and {})", shown,
                 header.compressed_bytes, header.uncompressed_bytes);
    return header;
}

LocalHeader read_local(ZipSource const& source, CentralHeader const& central) {
    std::string const shown = printable(central.name);
    std::string const what = "local header of '" + shown + "'";
    std::vector<std::byte> const bytes = source.read(central.local_offset, zip::kLocalBytes, what);
    FieldReader fixed = source.fields(bytes, what);
    source.check(fixed.take<std::uint32_t>() == zip::kLocalSignature,
                 "no local header of member '{}' at byte {}", shown, central.local_offset);
    fixed.take_bytes(2);  // version
    LocalHeader local;
    take_common(fixed, local);
    auto const name_bytes = fixed.take<std::uint16_t>();
    auto const extra_bytes = fixed.take<std::uint16_t>();
    std::uint64_t const tail_bytes = std::uint64_t{name_bytes} + extra_bytes;
    std::vector<std::byte> const tail =
        source.read(central.local_offset + zip::kLocalBytes, tail_bytes, what);
    FieldReader variable = source.fields(tail, what);
    local.name = variable.take_text(name_bytes);
    // Beyond 4 GiB PyTorch adds a zip64 field, although the zeros of a streamed member do not refer to one.
    if (!central.has_descriptor() || !local.has_zero_sizes()) {
        FieldReader const extra = source.fields(variable.take_bytes(extra_bytes), what);
        widen(source, extra, {&local.uncompressed_bytes, &local.compressed_bytes}, shown);
    }
    local.data_offset = central.local_offset + zip::kLocalBytes + tail_bytes;
    return local;
}

void check_local(ZipSource const& source, LocalHeader const& local, CentralHeader const& central) {
    std::string const shown = printable(central.name);
    source.check(local.name == central.name, "the zip directory says '{}', the local header '{}'", shown,
                 printable(local.name));
    bool const is_same = central.has_descriptor()
                             ? local.crc32 == 0 && local.has_zero_sizes()
                             : local.crc32 == central.crc32 &&
                                   local.compressed_bytes == central.compressed_bytes &&
                                   local.uncompressed_bytes == central.uncompressed_bytes;
    source.check(is_same && local.flags == central.flags && local.method == central.method,
                 "zip directory and local header of member '{}' disagree on flags, method, CRC or size",
                 shown);
}

/// What streaming writers put behind the data: an optional signature, CRC and the two sizes, of 32 or 64 bits
/// each.
void check_descriptor(ZipSource const& source, CentralHeader const& central, std::uint64_t offset,
                      std::uint64_t size_bytes) {
    std::string const shown = printable(central.name);
    bool const has_signature = size_bytes == 16 || size_bytes == 24;
    bool const is_wide = size_bytes == 20 || size_bytes == 24;
    source.check(has_signature || is_wide || size_bytes == 12, "member '{}' lacks its data descriptor",
                 shown);
    std::vector<std::byte> const bytes = source.read(offset, size_bytes, "data descriptor");
    FieldReader fields = source.fields(bytes, "data descriptor");
    bool const is_marked = !has_signature || fields.take<std::uint32_t>() == zip::kDescriptorSignature;
    auto const crc32 = fields.take<std::uint32_t>();
    std::uint64_t const compressed = is_wide ? fields.take<std::uint64_t>() : fields.take<std::uint32_t>();
    std::uint64_t const uncompressed = is_wide ? fields.take<std::uint64_t>() : fields.take<std::uint32_t>();
    source.check(is_marked && crc32 == central.crc32 && compressed == central.compressed_bytes &&
                     uncompressed == central.uncompressed_bytes,
                 "zip directory and data descriptor of member '{}' disagree on CRC or size", shown);
}

/// Headers in file order: each member's bytes reach exactly to the next one's, the last one's to the
/// directory.
std::vector<ZipMember> place_members(ZipSource const& source, std::vector<CentralHeader> const& headers,
                                     std::uint64_t directory_offset) {
    source.check((headers.empty() ? directory_offset : headers.front().local_offset) == 0,
                 "the file does not start with its first member");
    std::vector<ZipMember> members;
    for (std::size_t i = 0; i < headers.size(); ++i) {
        CentralHeader const& header = headers[i];
        std::uint64_t const end = i + 1 < headers.size() ? headers[i + 1].local_offset : directory_offset;
        LocalHeader const local = read_local(source, header);
        check_local(source, local, header);
        source.check(local.data_offset <= end && header.compressed_bytes <= end - local.data_offset,
                     "member '{}' reaches into what follows it", printable(header.name));
        std::uint64_t const rest_bytes = end - local.data_offset - header.compressed_bytes;
        if (header.has_descriptor()) {
            check_descriptor(source, header, end - rest_bytes, rest_bytes);
        } else {
            source.check(rest_bytes == 0, "{} foreign bytes follow member '{}'", rest_bytes,
                         printable(header.name));
        }
        members.push_back({header.name, static_cast<ZipMethod>(header.method), header.crc32,
                           header.compressed_bytes, header.uncompressed_bytes, local.data_offset});
    }
    return members;
}

}  // namespace

std::vector<ZipMember> read_zip_directory(FileDescriptor const& file, std::filesystem::path const& path,
                                          std::uint64_t file_bytes, ZipComment comment) {
    ZipSource const source(file, path, file_bytes);
    ZipDirectoryLocation const directory = locate_zip_directory(source, comment);
    std::vector<std::byte> const bytes = source.read(directory.offset, directory.size_bytes, "zip directory");
    FieldReader entries = source.fields(bytes, "zip directory");
    std::vector<CentralHeader> headers;
    std::set<std::string> names;
    while (!entries.is_at_end()) {
        headers.push_back(take_central(source, entries));
        source.check(names.insert(headers.back().name).second, "two members are named '{}'",
                     printable(headers.back().name));
    }
    source.check(headers.size() == directory.num_members,
                 "the end record promises {} members, the directory has {}", directory.num_members,
                 headers.size());
    std::sort(headers.begin(), headers.end(),
              [](CentralHeader const& a, CentralHeader const& b) { return a.local_offset < b.local_offset; });
    return place_members(source, headers, directory.offset);
}

}  // namespace ctclip
