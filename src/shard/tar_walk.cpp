#include "shard/tar_walk.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "shard/pax_records.hpp"
#include "shard/python_json.hpp"
#include "shard/tar_format.hpp"

namespace ctclip {
namespace {

/// Long names and pax headers are read into memory: their claimed size is bounded before.
constexpr std::uint64_t kMaxExtensionBytes = std::uint64_t{1} << 20;
/// Zeros behind the end marker. GNU tar's largest usual record is 1 MiB; a longer run is a lost tail.
constexpr std::uint64_t kMaxPaddingBytes = std::uint64_t{1} << 20;
constexpr std::size_t kScanBytes = std::size_t{64} << 10;

enum class MagicKind { kPosix, kGnu, kV7 };

std::string_view field(TarBlock const& header, std::size_t offset, std::size_t length) {
    return {header.data() + offset, length};
}

std::string_view until_nul(std::string_view text) {
    return text.substr(0, text.find('\0'));
}

bool is_zero(std::span<char const> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

std::optional<std::uint64_t> parse_octal(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    std::size_t const num_digits = std::min(text.find_first_not_of("01234567"), text.size());
    std::string_view const rest = text.substr(num_digits);
    if (num_digits == 0 || rest.find_first_not_of(std::string_view(" \0", 2)) != rest.npos) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (char const digit : text.substr(0, num_digits)) {
        value = value * 8 + static_cast<std::uint64_t>(digit - '0');  // at most 12 digits: 36 bits
    }
    return value;
}

/// Octal text, or GNU's base-256 for what octal cannot hold (0x80: not negative, below 2^63 here).
std::optional<std::uint64_t> parse_size(std::string_view text) {
    if ((static_cast<unsigned char>(text[0]) & 0x80U) == 0) {
        return parse_octal(text);
    }
    std::uint64_t value = static_cast<unsigned char>(text[0]) & 0x7FU;
    for (char const byte : text.substr(1)) {
        if (value >> 55 != 0) {
            return std::nullopt;
        }
        value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
}

bool has_right_checksum(TarBlock const& header) {
    std::string_view const checksum = field(header, 148, 8);  // summed as if it were blank
    std::int64_t sum = 8 * ' ';
    std::int64_t num_high = 0;
    for (std::string_view const part : {field(header, 0, 148), field(header, 156, kTarBlockBytes - 156)}) {
        for (char const byte : part) {
            sum += static_cast<unsigned char>(byte);
            num_high += static_cast<unsigned char>(byte) >> 7;
        }
    }
    std::int64_t const signed_sum = sum - 256 * num_high;  // some old writers summed signed bytes
    auto const stored = parse_octal(checksum);
    return stored &&
           (static_cast<std::int64_t>(*stored) == sum || static_cast<std::int64_t>(*stored) == signed_sum);
}

class Walk {
  public:
    Walk(FileDescriptor const& file, std::filesystem::path const& path) : file_(file), path_(path) {
        listing_.file_size_bytes = file_size_bytes(file, path);
    }

    TarListing run() && {
        refuse_compressed();
        while (true) {
            TarBlock const header = read_block();
            if (is_zero(header)) {
                break;
            }
            take(header);
        }
        check_end();
        return std::move(listing_);
    }

  private:
    template <class... Args>
    [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
        fail(ExitCode::kBadInput, "{}: at byte {}: {}", path_.string(), offset_,
             fmt::format(format, std::forward<Args>(args)...));
    }

    std::uint64_t bytes_left() const { return listing_.file_size_bytes - offset_; }

    TarBlock read_block() const {
        if (bytes_left() == 0) {
            refuse("the shard ends without an end marker (it is truncated)");
        }
        if (bytes_left() < kTarBlockBytes) {
            refuse("the shard ends inside a header (it is truncated)");
        }
        TarBlock block;
        read_exactly(file_, path_, offset_, std::as_writable_bytes(std::span(block)));
        return block;
    }

    void refuse_compressed() const {
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kMagics{
            {{"\x1f\x8b", "gzip"},
             {"\xfd"
              "7zXZ",
              "xz"},
             {"\x28\xb5\x2f\xfd", "zstd"},
             {"BZh", "bzip2"}}};
        std::array<char, 6> start{};
        std::size_t const num_bytes = std::min<std::uint64_t>(start.size(), listing_.file_size_bytes);
        read_exactly(file_, path_, 0, std::as_writable_bytes(std::span(start).first(num_bytes)));
        for (auto const& [magic, name] : kMagics) {
            if (std::string_view(start.data(), num_bytes).starts_with(magic)) {
                refuse("this is a {} file (samples are read in place, by offset). Decompress it first", name);
            }
        }
    }

    void take(TarBlock const& header) {
        if (!has_right_checksum(header)) {
            refuse("no tar header: its checksum is wrong");
        }
        MagicKind const magic = magic_of(header);
        auto const size = parse_size(field(header, 124, 12));
        if (!size) {
            refuse("the member's size field is no size");
        }
        char const type = header[156];
        listing_.type_flags += type;
        if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
            take_extension(type, *size);
            return;
        }
        take_entry(type, pending_.size_bytes.value_or(*size), name_of(header, magic));
        pending_ = {};
        first_header_offset_.reset();
    }

    MagicKind magic_of(TarBlock const& header) const {
        std::string_view const magic = field(header, 257, 8);
        if (magic.starts_with(std::string_view("ustar\0", 6))) {
            return MagicKind::kPosix;
        }
        if (magic == std::string_view("ustar  \0", 8)) {
            return MagicKind::kGnu;
        }
        if (!is_zero(magic)) {
            refuse("the header's magic is neither ustar nor blank");
        }
        return MagicKind::kV7;
    }

    std::string name_of(TarBlock const& header, MagicKind magic) const {
        if (pending_.path) {
            return *pending_.path;
        }
        std::string_view const name = until_nul(field(header, 0, 100));
        std::string_view const prefix = until_nul(field(header, 345, 155));
        if (magic != MagicKind::kPosix || prefix.empty()) {
            return std::string(name);
        }
        return fmt::format("{}/{}", prefix, name);
    }

    void take_extension(char type, std::uint64_t size) {
        if (size > kMaxExtensionBytes) {
            refuse("a header extension claims {} bytes; at most {} are accepted", size, kMaxExtensionBytes);
        }
        std::string const content = read_data(size, "a header extension");
        try {
            if (type == 'x') {
                PaxRecords const records = parse_pax_records(content);
                pending_.path = records.path ? records.path : pending_.path;
                pending_.size_bytes = records.size_bytes;
            } else if (type == 'g') {
                PaxRecords const records = parse_pax_records(content);
                require(!records.path && !records.size_bytes, ExitCode::kBadInput,
                        "a global header sets a name or a size for every member");
            } else if (type == 'L') {
                pending_.path = until_nul(content);
                require(!pending_.path->empty(), ExitCode::kBadInput, "a long name is empty");
            }
        } catch (Error const& error) {
            refuse("{}", error.what());
        }
        if (type != 'g' && !first_header_offset_) {
            first_header_offset_ = offset_;
        }
        offset_ += kTarBlockBytes + tar_padded(size);
    }

    void take_entry(char type, std::uint64_t size, std::string name) {
        check_name(name);
        bool const is_folder = type == '5' || (type == '\0' && name.ends_with('/'));
        if (is_folder) {
            offset_ += kTarBlockBytes;
            return;
        }
        if (type != '0' && type != '\0' && type != '7') {
            refuse("member {} is no regular file (type flag {}); a shard holds only regular files",
                   python_string(name), python_string(std::string_view(&type, 1)));
        }
        check_room(size, name);
        listing_.members.push_back(
            {std::move(name), first_header_offset_.value_or(offset_), offset_ + kTarBlockBytes, size});
        offset_ += kTarBlockBytes + tar_padded(size);
    }

    void check_name(std::string_view name) const {
        if (name.empty()) {
            refuse("a member has no name");
        }
        bool const is_plain = invalid_utf8_offset(name) == name.npos &&
                              std::none_of(name.begin(), name.end(),
                                           [](unsigned char byte) { return byte < 0x20 || byte == 0x7F; });
        std::string const with_slashes = fmt::format("/{}/", name);
        bool const stays_inside = !name.starts_with('/') && with_slashes.find("/../") == std::string::npos;
        if (!is_plain || !stays_inside) {
            refuse("member name {} is refused: {}", python_string(name),
                   is_plain ? "it points outside the shard" : "it is not plain UTF-8 text");
        }
    }

    void check_room(std::uint64_t size, std::string_view name) const {
        std::uint64_t const room = bytes_left() - kTarBlockBytes;
        if (size > room) {
            refuse("member {} claims {} bytes, but {} are left in the shard (it is truncated, or lies)",
                   python_string(name), size, room);
        }
        if (tar_padded(size) > room) {
            refuse("the shard ends inside the padding of member {} (it is truncated)", python_string(name));
        }
    }

    std::string read_data(std::uint64_t size, std::string_view what) const {
        check_room(size, what);
        std::string content(size, '\0');
        read_exactly(file_, path_, offset_ + kTarBlockBytes, std::as_writable_bytes(std::span(content)));
        return content;
    }

    void check_end() {
        if (first_header_offset_) {
            refuse("a header extension is followed by no member");
        }
        listing_.end_of_archive_offset = offset_;
        offset_ += kTarBlockBytes;
        if (bytes_left() == 0) {
            refuse("the end marker is one zero block instead of two (the shard is truncated)");
        }
        if (!is_zero(read_block())) {
            refuse("a lone zero block between members (pages of the shard are lost)");
        }
        offset_ += kTarBlockBytes;
        if (bytes_left() > kMaxPaddingBytes) {
            refuse("{} bytes follow the end marker (a lost tail, or a second archive)", bytes_left());
        }
        std::vector<char> buffer(kScanBytes);
        while (bytes_left() > 0) {
            std::span<char> const part(buffer.data(), std::min<std::uint64_t>(bytes_left(), buffer.size()));
            read_exactly(file_, path_, offset_, std::as_writable_bytes(part));
            if (!is_zero(part)) {
                refuse("data follows the end marker (a second archive, or garbage)");
            }
            offset_ += part.size();
        }
    }

    FileDescriptor const& file_;
    std::filesystem::path const& path_;
    std::uint64_t offset_ = 0;
    TarListing listing_;
    PaxRecords pending_;                                ///< what extensions said about the next member
    std::optional<std::uint64_t> first_header_offset_;  ///< of extensions that wait for their member
};

}  // namespace

TarListing walk_tar(FileDescriptor const& file, std::filesystem::path const& path) {
    return Walk(file, path).run();
}

}  // namespace ctclip
