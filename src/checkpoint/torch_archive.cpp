#include "checkpoint/torch_archive.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "checkpoint/tensor_name.hpp"

// The zip format: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central), 4.3.14-16
// (ends).
namespace ctclip {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kEnd64Bytes = 56;
constexpr std::uint64_t kLocator64Bytes = 20;
constexpr std::uint16_t kEncryptedFlag = 0x0001;
constexpr std::uint16_t kDescriptorFlag = 0x0008;  ///< sizes and CRC follow the data instead
constexpr std::uint16_t kUtf8Flag = 0x0800;
constexpr std::uint16_t kZip64ExtraId = 0x0001;
constexpr std::uint32_t kSeeZip64 = UINT32_MAX;
constexpr std::uint64_t kMaxCommentBytes = UINT16_MAX;

/// Little-endian fields of one part of the file; every access is checked against its end.
class Fields {
  public:
    Fields(std::span<std::byte const> bytes, std::string what) : bytes_(bytes), what_(std::move(what)) {}

    template <class T>
    T take() {
        T value{};
        std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
        return value;
    }
    std::span<std::byte const> take_bytes(std::size_t count) {
        require(count <= bytes_.size(), ExitCode::kBadInput, "{} ends too early", what_);
        auto const taken = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return taken;
    }
    void skip(std::size_t count) { take_bytes(count); }
    bool is_empty() const { return bytes_.empty(); }

  private:
    std::span<std::byte const> bytes_;
    std::string what_;
};

constexpr std::array kEndMark = {std::byte{'P'}, std::byte{'K'}, std::byte{5}, std::byte{6}};

bool is_end_record(std::span<std::byte const> tail) {
    return tail.size() >= kEndBytes &&
           std::equal(kEndMark.begin(), kEndMark.end(), tail.last(kEndBytes).begin());
}

std::string to_text(std::span<std::byte const> bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// Sizes and offset of an entry; where the 32-bit field says so, from the zip64 extra field.
struct Extents {
    std::uint64_t size = 0;
    std::uint64_t stored_size = 0;
    std::uint64_t offset = 0;
};

void apply_zip64(Extents& extents, std::span<std::byte const> extra, std::string const& what) {
    bool const needs_size = extents.size == kSeeZip64;
    bool const needs_stored = extents.stored_size == kSeeZip64;
    bool const needs_offset = extents.offset == kSeeZip64;
    bool is_done = !needs_size && !needs_stored && !needs_offset;
    Fields fields(extra, what + ": extra field");
    while (!fields.is_empty()) {
        auto const id = fields.take<std::uint16_t>();
        Fields values(fields.take_bytes(fields.take<std::uint16_t>()), what + ": zip64 extra field");
        if (id == kZip64ExtraId && !is_done) {
            extents.size = needs_size ? values.take<std::uint64_t>() : extents.size;
            extents.stored_size = needs_stored ? values.take<std::uint64_t>() : extents.stored_size;
            extents.offset = needs_offset ? values.take<std::uint64_t>() : extents.offset;
            is_done = true;
        }
    }
    require(is_done, ExitCode::kBadInput, "{} needs a zip64 extra field that is missing", what);
}

void check_entry_name(std::string const& name, std::string const& path) {
    check_name(name, path + ": entry name");
    require(name.find('\\') == name.npos, ExitCode::kBadInput, "{}: entry name '{}' contains a backslash",
            path, printable(name));
    require(!name.starts_with('/'), ExitCode::kBadInput, "{}: entry name '{}' is absolute", path,
            printable(name));
    bool const leaves =
        name == ".." || name.starts_with("../") || name.ends_with("/..") || name.find("/../") != name.npos;
    require(!leaves, ExitCode::kBadInput, "{}: entry name '{}' leaves the archive", path, printable(name));
}

void check_no_script(std::string const& name, std::string const& path) {
    bool const is_script = name.find("/code/") != name.npos || name.ends_with("/constants.pkl");
    require(!is_script, ExitCode::kBadInput,
            "{}: a TorchScript archive, not a state dict. Save `model.state_dict()` with torch.save", path);
}

std::string lower_case(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name;
}

}  // namespace

TorchArchive::TorchArchive(std::filesystem::path path)
    : path_(std::move(path)), file_(open_for_reading(path_)), file_bytes_(file_size_bytes(file_, path_)) {
    Directory const directory = find_directory();
    read_directory(directory);
    check_local_headers(directory);
}

TorchArchive::Directory TorchArchive::find_directory() const {
    std::string const name = path();
    std::vector<std::byte> tail(std::min(file_bytes_, kEndBytes + kMaxCommentBytes));
    read_exactly(file_, path_, file_bytes_ - tail.size(), tail);
    if (!is_end_record(tail)) {
        bool const is_elsewhere =
            std::search(tail.begin(), tail.end(), kEndMark.begin(), kEndMark.end()) != tail.end();
        fail(ExitCode::kBadInput, "{}: {}", name,
             is_elsewhere ? "bytes after the end-of-central-directory record, or it is truncated"
                          : "no end-of-central-directory record: the file is truncated, or no zip archive");
    }

    Fields end{std::span(tail).last(kEndBytes), name + ": end record"};
    end.skip(4);
    auto const disk = end.take<std::uint16_t>();
    auto const first_disk = end.take<std::uint16_t>();
    auto const entries_here = end.take<std::uint16_t>();
    auto const entries = end.take<std::uint16_t>();
    auto const size = end.take<std::uint32_t>();
    auto const offset = end.take<std::uint32_t>();
    require(disk == 0 && first_disk == 0 && entries_here == entries, ExitCode::kBadInput,
            "{}: multi-volume archive", name);
    require(end.take<std::uint16_t>() == 0, ExitCode::kBadInput, "{}: the archive has a comment", name);

    Directory directory{offset, size, entries};
    std::uint64_t end_of_directory = file_bytes_ - kEndBytes;
    if (end_of_directory >= kLocator64Bytes + kEnd64Bytes) {
        std::array<std::byte, kEnd64Bytes + kLocator64Bytes> ends{};
        read_exactly(file_, path_, end_of_directory - ends.size(), ends);
        Fields locator{std::span(ends).last(kLocator64Bytes), name + ": zip64 locator"};
        if (locator.take<std::uint32_t>() == kLocator64Signature) {
            end_of_directory -= ends.size();
            require(locator.take<std::uint32_t>() == 0 && locator.take<std::uint64_t>() == end_of_directory &&
                        locator.take<std::uint32_t>() == 1,
                    ExitCode::kBadInput, "{}: zip64 end record is not where its locator says", name);
            Fields end64{std::span(ends).first(kEnd64Bytes), name + ": zip64 end record"};
            bool const is_end64 = end64.take<std::uint32_t>() == kEnd64Signature &&
                                  end64.take<std::uint64_t>() == kEnd64Bytes - 12;
            require(is_end64, ExitCode::kBadInput, "{}: zip64 end record is not where its locator says",
                    name);
            end64.skip(4);
            bool const is_one_disk = end64.take<std::uint32_t>() == 0 && end64.take<std::uint32_t>() == 0;
            auto const entries_here64 = end64.take<std::uint64_t>();
            directory.num_entries = end64.take<std::uint64_t>();
            directory.size_bytes = end64.take<std::uint64_t>();
            directory.offset = end64.take<std::uint64_t>();
            bool const agrees = is_one_disk && entries_here64 == directory.num_entries &&
                                (entries == UINT16_MAX || entries == directory.num_entries) &&
                                (size == kSeeZip64 || size == directory.size_bytes) &&
                                (offset == kSeeZip64 || offset == directory.offset);
            require(agrees, ExitCode::kBadInput, "{}: the zip64 end record and the end record disagree",
                    name);
        }
    }
    require(
        directory.offset <= end_of_directory && directory.size_bytes <= end_of_directory - directory.offset,
        ExitCode::kBadInput, "{}: central directory is outside the file", name);
    require(directory.offset + directory.size_bytes == end_of_directory, ExitCode::kBadInput,
            "{}: central directory is not where the end record says", name);
    require(directory.num_entries > 0, ExitCode::kBadInput, "{}: archive without entries", name);
    return directory;
}

void TorchArchive::read_directory(Directory const& directory) {
    std::vector<std::byte> bytes(directory.size_bytes);
    read_exactly(file_, path_, directory.offset, bytes);
    Fields fields(bytes, path() + ": central directory");
    std::set<std::string> names;
    std::string folder;
    std::uint64_t num_entries = 0;
    for (; !fields.is_empty(); ++num_entries) {
        require(fields.take<std::uint32_t>() == kCentralSignature, ExitCode::kBadInput,
                "{}: central directory is not where the end record says", path());
        fields.skip(4);  // versions
        Record record;
        record.flags = fields.take<std::uint16_t>();
        auto const method = fields.take<std::uint16_t>();
        fields.skip(4);  // time
        record.crc32 = fields.take<std::uint32_t>();
        Extents extents;
        extents.stored_size = fields.take<std::uint32_t>();
        extents.size = fields.take<std::uint32_t>();
        auto const name_bytes = fields.take<std::uint16_t>();
        auto const extra_bytes = fields.take<std::uint16_t>();
        auto const comment_bytes = fields.take<std::uint16_t>();
        require(fields.take<std::uint16_t>() == 0, ExitCode::kBadInput, "{}: multi-volume archive", path());
        fields.skip(6);  // attributes
        extents.offset = fields.take<std::uint32_t>();
        record.full_name = to_text(fields.take_bytes(name_bytes));
        check_entry_name(record.full_name, path());
        std::string const what = path() + ": " + record.full_name;
        check_no_script(record.full_name, path());
        apply_zip64(extents, fields.take_bytes(extra_bytes), what);
        fields.skip(comment_bytes);

        require((record.flags & kEncryptedFlag) == 0, ExitCode::kBadInput, "{} is encrypted", what);
        require((record.flags & ~(kDescriptorFlag | kUtf8Flag)) == 0, ExitCode::kBadInput,
                "{} has zip flags {:#06x}, which torch.save never sets", what, record.flags);
        require(method == 0, ExitCode::kBadInput, "{} is compressed (method {}); torch.save never compresses",
                what, method);
        require(extents.size == extents.stored_size, ExitCode::kBadInput,
                "{}: stored entry has different compressed and uncompressed sizes ({} and {})", what,
                extents.stored_size, extents.size);
        require(names.insert(lower_case(record.full_name)).second, ExitCode::kBadInput, "{} occurs twice",
                what);
        record.header_offset = extents.offset;
        record.size_bytes = extents.size;

        std::size_t const slash = record.full_name.find('/');
        bool const is_inside = slash != record.full_name.npos && slash + 1 < record.full_name.size() &&
                               (folder.empty() || record.full_name.substr(0, slash) == folder);
        require(is_inside, ExitCode::kBadInput, "{}: entries are not inside one top-level folder ('{}'{})",
                path(), record.full_name, folder.empty() ? "" : " beside '" + folder + "/'");
        folder = record.full_name.substr(0, slash);
        std::string const name = record.full_name.substr(slash + 1);
        records_.emplace(name, std::move(record));
    }
    require(num_entries == directory.num_entries, ExitCode::kBadInput,
            "{}: end record says {} entries, the directory has {}", path(), directory.num_entries,
            num_entries);
}

void TorchArchive::check_local_headers(Directory const& directory) {
    std::vector<Record*> in_file_order;
    for (auto& [name, record] : records_) {
        in_file_order.push_back(&record);
    }
    std::sort(in_file_order.begin(), in_file_order.end(),
              [](Record const* a, Record const* b) { return a->header_offset < b->header_offset; });
    require(in_file_order.front()->header_offset == 0, ExitCode::kBadInput,
            "{}: bytes before the first entry: first local header is not at offset 0", path());

    std::uint64_t end_of_previous = 0;
    for (Record* record : in_file_order) {
        std::string const what = path() + ": " + record->full_name;
        std::uint64_t const begin = record->header_offset;
        require(begin < directory.offset && directory.offset - begin >= kLocalBytes, ExitCode::kBadInput,
                "{}: local header offset {} is outside the file", what, begin);
        require(begin >= end_of_previous, ExitCode::kBadInput, "{} overlaps the entry before it", what);
        std::array<std::byte, kLocalBytes> header{};
        read_exactly(file_, path_, begin, header);
        Fields fields(header, what);
        require(fields.take<std::uint32_t>() == kLocalSignature, ExitCode::kBadInput,
                "{}: no local header at offset {}", what, begin);
        fields.skip(2);  // version
        auto const flags = fields.take<std::uint16_t>();
        auto const method = fields.take<std::uint16_t>();
        fields.skip(4);  // time
        auto const crc = fields.take<std::uint32_t>();
        Extents extents;
        extents.stored_size = fields.take<std::uint32_t>();
        extents.size = fields.take<std::uint32_t>();
        auto const name_bytes = fields.take<std::uint16_t>();
        auto const extra_bytes = fields.take<std::uint16_t>();

        record->data_offset = begin + kLocalBytes + name_bytes + extra_bytes;
        require(record->data_offset <= directory.offset &&
                    record->size_bytes <= directory.offset - record->data_offset,
                ExitCode::kBadInput, "{} runs past the end of the file ({} bytes at {})", what,
                record->size_bytes, record->data_offset);
        std::vector<std::byte> rest(std::size_t{name_bytes} + extra_bytes);
        read_exactly(file_, path_, begin + kLocalBytes, rest);
        require(to_text(std::span(rest).first(name_bytes)) == record->full_name, ExitCode::kBadInput,
                "{}: local header has another name", what);
        require(method == 0 && flags == record->flags, ExitCode::kBadInput,
                "{}: local header has another method or other flags", what);
        if ((flags & kDescriptorFlag) == 0) {
            apply_zip64(extents, std::span(rest).subspan(name_bytes), what);
            require(extents.size == record->size_bytes && extents.stored_size == record->size_bytes,
                    ExitCode::kBadInput, "{}: local header has another size", what);
            require(crc == record->crc32, ExitCode::kBadInput, "{}: local header has another CRC-32", what);
        }
        end_of_previous = record->data_offset + record->size_bytes;
    }
}

TorchArchive::Record const& TorchArchive::find(std::string const& record) const {
    auto const found = records_.find(record);
    require(found != records_.end(), ExitCode::kBadInput, "{}: record {} does not exist", path(),
            printable(record));
    return found->second;
}

std::uint64_t TorchArchive::size_bytes(std::string const& record) const {
    return find(record).size_bytes;
}

std::vector<std::byte> TorchArchive::read(std::string const& record, std::uint64_t limit_bytes) const {
    Record const& entry = find(record);
    require(entry.size_bytes <= limit_bytes, ExitCode::kBadInput,
            "{}: record {} has {} bytes, at most {} are accepted", path(), record, entry.size_bytes,
            limit_bytes);
    std::vector<std::byte> bytes(entry.size_bytes);
    read_exactly(file_, path_, entry.data_offset, bytes);
    auto const crc = ::crc32_z(0, reinterpret_cast<Bytef const*>(bytes.data()), bytes.size());
    require(crc == entry.crc32, ExitCode::kBadInput,
            "{}: CRC-32 mismatch in {} (the file is damaged, or was saved with CRC-32 turned off)", path(),
            record);
    return bytes;
}

}  // namespace ctclip
