#include "checkpoint/torch_archive.hpp"

#include <zlib.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "checkpoint/tensor_name.hpp"

namespace ctclip {
namespace {

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

/// With its slash; empty for a name that is in none.
std::string_view top_folder(std::string_view name) {
    return name.substr(0, name.find('/') + 1);
}

}  // namespace

TorchArchive::TorchArchive(std::filesystem::path file)
    : path_(std::move(file)), file_(open_for_reading(path_)), file_bytes_(file_size_bytes(file_, path_)) {
    std::vector<ZipMember> const members =
        read_zip_directory(file_, path_, file_bytes_, ZipComment::kRefused);
    std::set<std::string> names;
    for (ZipMember const& member : members) {
        check_entry_name(member.name, path());
        check_no_script(member.name, path());
        require(member.method == ZipMethod::kStored, ExitCode::kBadInput,
                "{}: {} is compressed; torch.save never compresses", path(), member.name);
        require(names.insert(lower_case(member.name)).second, ExitCode::kBadInput,
                "{}: two members are named '{}', but for upper and lower case", path(), member.name);
        std::string_view const folder = top_folder(member.name);
        require(!folder.empty() && folder.size() < member.name.size() &&
                    folder == top_folder(members.front().name),
                ExitCode::kBadInput, "{}: '{}' is not in one top-level folder with all other entries", path(),
                member.name);
        records_.emplace(member.name.substr(folder.size()), member);
    }
}

ZipMember const& TorchArchive::find(std::string const& record) const {
    auto const found = records_.find(record);
    require(found != records_.end(), ExitCode::kBadInput, "{}: record {} does not exist", path(),
            printable(record));
    return found->second;
}

std::uint64_t TorchArchive::size_bytes(std::string const& record) const {
    return find(record).uncompressed_bytes;
}

std::vector<std::byte> TorchArchive::read(std::string const& record, std::uint64_t limit_bytes) const {
    ZipMember const& entry = find(record);
    require(entry.uncompressed_bytes <= limit_bytes, ExitCode::kBadInput,
            "{}: record {} has {} bytes, at most {} are accepted", path(), record, entry.uncompressed_bytes,
            limit_bytes);
    std::vector<std::byte> bytes(entry.uncompressed_bytes);
    read_exactly(file_, path_, entry.data_offset, bytes);
    auto const crc = ::crc32_z(0, reinterpret_cast<Bytef const*>(bytes.data()), bytes.size());
    require(crc == entry.crc32, ExitCode::kBadInput,
            "{}: CRC-32 mismatch in {} (the file is damaged, or was saved with CRC-32 turned off)", path(),
            record);
    return bytes;
}

}  // namespace ctclip
