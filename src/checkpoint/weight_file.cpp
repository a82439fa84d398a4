#include "checkpoint/weight_file.hpp"

#include <array>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/printable.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "checkpoint/safetensors_index.hpp"
#include "checkpoint/tensor_name.hpp"
#include "checkpoint/torch_file.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kFrontBytes = 512;
constexpr std::array<std::string_view, 2> kPrefixes = {"module.", "_orig_mod."};

std::string read_front(std::filesystem::path const& path) {
    FileDescriptor const file = open_for_reading(path);
    std::string front(std::min<std::uint64_t>(file_size_bytes(file, path), kFrontBytes), '\0');
    read_exactly(file, path, 0, std::as_writable_bytes(std::span(front)));
    return front;
}

/// Things that are often found under the name of a weight file: the usual download accidents and older
/// formats.
struct ForeignFile {
    std::string_view begin;
    std::string_view description;
};
constexpr std::array kForeignFiles = {
    ForeignFile{"version https://git-lfs", "a git-lfs pointer, not the file itself. Run `git lfs pull`"},
    ForeignFile{"<", "not a weight file: it starts like an HTML page (a failed download?)"},
    ForeignFile{"\x1f\x8b", "not a torch.save zip file: it is compressed with gzip. Unpack it first"},
    ForeignFile{"\x89HDF", "not a ctclip checkpoint: an HDF5 file without its envelope"},
    ForeignFile{"\x80\x02\x8a\x0a",
                "legacy torch.save format. Save it again with torch >= 1.6, or as safetensors"},
    ForeignFile{"\x80", "a bare pickle, not a torch.save zip file. It could run code and is not read"}};

void check_not_foreign(std::string_view front, std::string const& path) {
    require(!front.empty(), ExitCode::kBadInput, "{}: file is empty", path);
    std::size_t const text = front.find_first_not_of(" \t\r\n");
    for (auto const& [begin, description] : kForeignFiles) {
        bool const is_it = front.starts_with(begin) ||
                           (begin == "<" && text != front.npos && front.substr(text).starts_with(begin));
        require(!is_it, ExitCode::kBadInput, "{}: {}", path, description);
    }
}

/// A safetensors file starts with 8 bytes of length and '{'.
bool looks_like_safetensors(std::string_view front) {
    return front.size() > 8 && front[8] == '{';
}

WeightFile read_torch(std::filesystem::path const& path) {
    TorchFile file = read_torch_file(path);
    return {"torch", std::move(file.tensors), std::move(file.switches)};
}

WeightFile read_any(std::filesystem::path const& path) {
    std::string const front = read_front(path);
    if (looks_like_envelope(front)) {
        return {"checkpoint", read_checkpoint(path, CheckpointParts::kModel).model};
    }
    if (front.starts_with("PK")) {
        return read_torch(path);
    }
    if (looks_like_safetensors(front)) {
        return {"safetensors", read_safetensors(path)};
    }
    bool const is_index_name = path.filename().string().ends_with(".index.json");
    if (is_index_name || front.starts_with('{')) {
        return {"safetensors index", read_safetensors_index(path)};
    }
    check_not_foreign(front, path.string());
    if (path.extension() == ".safetensors") {
        return {"safetensors", read_safetensors(path)};
    }
    return read_torch(path);
}

std::string strip_prefixes(std::string_view name) {
    for (std::size_t i = 0; i < kPrefixes.size();) {
        if (name.starts_with(kPrefixes[i])) {
            name.remove_prefix(kPrefixes[i].size());
            i = 0;
        } else {
            ++i;
        }
    }
    return std::string(name);
}

bool is_weight_type(DType type) {
    return type != DType::kU64 && type != DType::kU32 && type != DType::kU16;
}

}  // namespace

WeightFile read_weight_file(std::filesystem::path const& path) {
    WeightFile file = read_any(path);
    NamedArrays stripped;
    while (!file.tensors.empty()) {
        auto node = file.tensors.extract(file.tensors.begin());
        require(is_weight_type(node.mapped().type), ExitCode::kBadInput,
                "{}: tensor {}: dtype {} is not supported in weights", path.string(), printable(node.key()),
                dtype_name(node.mapped().type));
        std::string name = strip_prefixes(node.key());
        check_name(name, path.string() + ": tensor name without its prefix");
        bool const is_new = stripped.try_emplace(std::move(name), std::move(node.mapped())).second;
        require(is_new, ExitCode::kBadInput, "{}: {} occurs twice, with and without a prefix", path.string(),
                printable(node.key()));
    }
    file.tensors = std::move(stripped);
    return file;
}

}  // namespace ctclip
