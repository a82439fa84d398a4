#include "checkpoint/safetensors_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>
#include <vector>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/printable.hpp"
#include "base/untrusted_json.hpp"
#include "checkpoint/tensor_name.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "arrays are stored as they lie in memory");

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kMaxRank = 64;
constexpr std::size_t kMaxJsonDepth = 3;  // header > tensor > shape
constexpr std::string_view kMetadataName = "__metadata__";

/// In the order of the Python writer: widest first, so that every tensor is aligned to its element.
constexpr std::array kTypeOrder = {DType::kU64, DType::kI64,  DType::kF64, DType::kF32, DType::kU32,
                                   DType::kI32, DType::kBF16, DType::kF16, DType::kU16, DType::kI16,
                                   DType::kI8,  DType::kU8,   DType::kBool};

struct Entry {
    std::string name;
    DType type;
    Shape shape;
    std::uint64_t begin;  ///< in the data area
    std::uint64_t end;
};

struct Header {
    std::vector<Entry> entries;  ///< in data order
    StringMap metadata;
    std::uint64_t data_offset = 0;  ///< in the file
};

std::uint64_t unsigned_integer(json const& value, std::string const& what) {
    require(value.is_number_integer(), ExitCode::kBadInput, "{} is not an integer", what);
    require(value.is_number_unsigned(), ExitCode::kBadInput, "{} is negative", what);
    auto const number = value.get<std::uint64_t>();
    require(number <= INT64_MAX, ExitCode::kBadInput, "{} = {} does not fit in 63 bits", what, number);
    return number;
}

DType parse_dtype(json const& value, std::string const& what) {
    require(value.is_string(), ExitCode::kBadInput, "{}: dtype is not a string", what);
    for (DType const type : kTypeOrder) {
        if (dtype_name(type) == value.get_ref<std::string const&>()) {
            return type;
        }
    }
    fail(ExitCode::kBadInput, "{}: unknown dtype '{}'", what, printable(value.get_ref<std::string const&>()));
}

Shape parse_shape(json const& value, std::string const& what) {
    require(value.is_array(), ExitCode::kBadInput, "{}: shape is not a list", what);
    require(value.size() <= kMaxRank, ExitCode::kBadInput, "{}: {} dimensions, at most {} are accepted", what,
            value.size(), kMaxRank);
    Shape shape;
    for (json const& size : value) {
        shape.push_back(
            static_cast<std::int64_t>(unsigned_integer(size, what + ": a dimension of the shape")));
    }
    return shape;
}

Entry parse_entry(std::string const& name, json const& value, std::string const& what) {
    require(value.is_object(), ExitCode::kBadInput, "{}: entry is not an object", what);
    for (char const* field : {"dtype", "shape", "data_offsets"}) {
        require(value.contains(field), ExitCode::kBadInput, "{}: field {} is missing", what, field);
    }
    for (auto const& [field, ignored] : value.items()) {
        require(field == "dtype" || field == "shape" || field == "data_offsets", ExitCode::kBadInput,
                "{}: unknown field '{}'", what, printable(field));
    }
    json const& offsets = value["data_offsets"];
    require(offsets.is_array() && offsets.size() == 2, ExitCode::kBadInput,
            "{}: data_offsets needs two integers", what);
    Entry entry{name, parse_dtype(value["dtype"], what), parse_shape(value["shape"], what),
                unsigned_integer(offsets[0], what + ": data_offsets"),
                unsigned_integer(offsets[1], what + ": data_offsets")};
    require(entry.begin <= entry.end, ExitCode::kBadInput, "{}: data_offsets are reversed: [{}, {}]", what,
            entry.begin, entry.end);
    std::uint64_t num_bytes = item_size_bytes(entry.type);
    for (std::int64_t const size : entry.shape) {
        require(!__builtin_mul_overflow(num_bytes, static_cast<std::uint64_t>(size), &num_bytes),
                ExitCode::kBadInput, "{}: the byte count of shape {} overflows", what,
                to_string(entry.shape));
    }
    require(num_bytes == entry.end - entry.begin, ExitCode::kBadInput,
            "{}: shape {} needs {} bytes, data_offsets give {}", what, to_string(entry.shape), num_bytes,
            entry.end - entry.begin);
    return entry;
}

StringMap parse_metadata(json const& value, std::string const& what) {
    require(value.is_object(), ExitCode::kBadInput, "{}: {} is not an object", what, kMetadataName);
    StringMap metadata;
    for (auto const& [key, text] : value.items()) {
        require(text.is_string(), ExitCode::kBadInput, "{}: {} values must be strings, {} is not", what,
                kMetadataName, printable(key));
        metadata[key] = text.get<std::string>();
    }
    return metadata;
}

/// Neither gap, overlap nor rest. An empty tensor may sit at any boundary, but not inside another tensor.
void check_coverage(std::vector<Entry>& entries, std::uint64_t data_bytes, std::string const& what) {
    std::sort(entries.begin(), entries.end(), [](Entry const& a, Entry const& b) {
        return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    std::uint64_t covered = 0;
    for (Entry const& entry : entries) {
        require(entry.end <= data_bytes, ExitCode::kBadInput,
                "{}: tensor {} runs past the end of the file (bytes {} to {} of {})", what, entry.name,
                entry.begin, entry.end, data_bytes);
        require(entry.begin <= covered, ExitCode::kBadInput, "{}: bytes {} to {} belong to no tensor", what,
                covered, entry.begin);
        require(entry.begin == covered, ExitCode::kBadInput, "{}: tensor {} overlaps another one at byte {}",
                what, entry.name, entry.begin);
        covered = entry.end;
    }
    require(covered == data_bytes, ExitCode::kBadInput, "{}: {} bytes after the last tensor", what,
            data_bytes - covered);
}

std::string read_header_text(FileDescriptor const& file, std::filesystem::path const& path,
                             std::uint64_t file_bytes) {
    require(file_bytes >= kLengthBytes, ExitCode::kBadInput,
            "{}: {} bytes, shorter than the 8-byte header length of a safetensors file", path.string(),
            file_bytes);
    std::uint64_t length = 0;
    read_exactly(file, path, 0, std::as_writable_bytes(std::span(&length, 1)));
    require(length <= kMaxHeaderBytes, ExitCode::kBadInput,
            "{}: header length {} exceeds the limit of {} (is this a safetensors file?)", path.string(),
            length, kMaxHeaderBytes);
    require(length <= file_bytes - kLengthBytes, ExitCode::kBadInput,
            "{}: header length {} runs past the end of the file", path.string(), length);
    std::string text(length, '\0');
    read_exactly(file, path, kLengthBytes, std::as_writable_bytes(std::span(text)));
    require(text.starts_with('{'), ExitCode::kBadInput, "{}: header does not begin with '{{'", path.string());
    return text;
}

Header read_header(FileDescriptor const& file, std::filesystem::path const& path) {
    std::uint64_t const file_bytes = file_size_bytes(file, path);
    std::string const text = read_header_text(file, path, file_bytes);
    std::string const what = path.string() + ": header";
    json const root = parse_untrusted_json(text, what, kMaxJsonDepth);

    Header header;
    header.data_offset = kLengthBytes + text.size();
    for (auto const& [name, value] : root.items()) {
        if (name == kMetadataName) {
            header.metadata = parse_metadata(value, what);
            continue;
        }
        check_name(name, what + ": tensor name");
        header.entries.push_back(parse_entry(name, value, path.string() + ": tensor " + name));
    }
    require(!header.entries.empty(), ExitCode::kBadInput, "{}: no tensor found", path.string());
    check_coverage(header.entries, file_bytes - header.data_offset, path.string());
    return header;
}

void check_bool_bytes(Array const& array, std::string const& what) {
    bool const is_clean = array.type != DType::kBool ||
                          std::all_of(array.bytes.begin(), array.bytes.end(),
                                      [](std::byte byte) { return std::to_integer<int>(byte) <= 1; });
    require(is_clean, ExitCode::kBadInput, "{}: BOOL bytes other than 0 and 1", what);
}

std::size_t type_rank(DType type) {
    return static_cast<std::size_t>(std::find(kTypeOrder.begin(), kTypeOrder.end(), type) -
                                    kTypeOrder.begin());
}

std::vector<NamedArrays::value_type const*> in_data_order(NamedArrays const& arrays) {
    std::vector<NamedArrays::value_type const*> order;
    for (auto const& entry : arrays) {
        order.push_back(&entry);
    }
    std::stable_sort(order.begin(), order.end(), [](auto const* a, auto const* b) {
        return type_rank(a->second.type) < type_rank(b->second.type);
    });
    return order;
}

std::string header_text(std::vector<NamedArrays::value_type const*> const& order, StringMap const& metadata,
                        std::string const& what) {
    nlohmann::ordered_json root = nlohmann::ordered_json::object();
    if (!metadata.empty()) {
        root[std::string(kMetadataName)] = metadata;
    }
    std::uint64_t offset = 0;
    for (auto const* named : order) {
        auto const& [name, array] = *named;
        check_name(name, what + ": tensor name");
        require(name != kMetadataName, ExitCode::kBadInput, "{}: no tensor can be named {}", what, name);
        auto const expected =
            static_cast<std::uint64_t>(element_count(array.shape)) * item_size_bytes(array.type);
        require(array.bytes.size() == expected, ExitCode::kBadInput,
                "{}: tensor {} has {} bytes, shape {} needs {}", what, name, array.bytes.size(),
                to_string(array.shape), expected);
        root[name] = {{"dtype", dtype_name(array.type)},
                      {"shape", array.shape},
                      {"data_offsets", {offset, offset + array.bytes.size()}}};
        offset += array.bytes.size();
    }
    std::string text = root.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
}

}  // namespace

NamedArrays read_safetensors(std::filesystem::path const& path) {
    FileDescriptor const file = open_for_reading(path);
    Header const header = read_header(file, path);
    NamedArrays arrays;
    for (Entry const& entry : header.entries) {
        Array array{entry.type, entry.shape, std::vector<std::byte>(entry.end - entry.begin)};
        read_exactly(file, path, header.data_offset + entry.begin, array.bytes);
        check_bool_bytes(array, path.string() + ": tensor " + entry.name);
        arrays.emplace(entry.name, std::move(array));
    }
    return arrays;
}

StringMap read_safetensors_metadata(std::filesystem::path const& path) {
    return read_header(open_for_reading(path), path).metadata;
}

std::string write_safetensors(std::filesystem::path const& path, NamedArrays const& arrays,
                              StringMap const& metadata, IfExists if_exists) {
    require(!arrays.empty(), ExitCode::kBadInput, "{}: nothing to write: no tensor was given", path.string());
    auto const order = in_data_order(arrays);
    std::string const header = header_text(order, metadata, path.string());
    std::uint64_t const length = header.size();

    DurableFile file(path, if_exists);
    Sha256 sha256;
    auto const put = [&](std::span<std::byte const> bytes) {
        file.write(bytes);
        sha256.update(bytes);
    };
    put(std::as_bytes(std::span(&length, 1)));
    put(std::as_bytes(std::span(header)));
    for (auto const* named : order) {
        put(named->second.bytes);
    }
    file.commit();
    return sha256.finish_hex();
}

}  // namespace ctclip
