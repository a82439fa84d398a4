#include "checkpoint/torch_file.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "checkpoint/tensor_name.hpp"
#include "checkpoint/torch_archive.hpp"
#include "checkpoint/torch_pickle.hpp"

namespace ctclip {
namespace {

using Kind = PickleValue::Kind;

constexpr std::uint64_t kMaxPickleBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxRecordBytes = 64;  // version and byteorder
constexpr std::uint64_t kMostCopies = 8;       // of the whole file: tied names and expanded views
constexpr std::uint64_t kAlwaysAllowedBytes = std::uint64_t{64} << 20;

std::string read_text_record(TorchArchive const& archive, std::string const& record) {
    auto const bytes = archive.read(record, kMaxRecordBytes);
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

void check_kind_of_archive(TorchArchive const& archive) {
    require(archive.contains("data.pkl"), ExitCode::kBadInput, "{}: no data.pkl: not a torch.save file",
            archive.path());
    require(archive.contains("version"), ExitCode::kBadInput, "{}: no version record", archive.path());
    std::string version = read_text_record(archive, "version");
    if (version.ends_with('\n')) {
        version.pop_back();
    }
    bool const is_number =
        !version.empty() && version.size() <= 9 &&
        std::all_of(version.begin(), version.end(), [](char c) { return '0' <= c && c <= '9'; });
    require(is_number, ExitCode::kBadInput, "{}: version record '{}' is not a number", archive.path(),
            printable(version));
    require(1 <= std::stoi(version) && std::stoi(version) <= 10, ExitCode::kBadInput,
            "{}: version {} is not supported (known: 1 to 10)", archive.path(), version);
    if (archive.contains("byteorder")) {
        std::string const order = read_text_record(archive, "byteorder");
        require(order == "little", ExitCode::kBadInput,
                "{}: byteorder '{}' is not supported. Save it again on a little-endian machine",
                archive.path(), printable(order));
    }
}

bool is_dict(PickleValue const& value) {
    return value.kind == Kind::kDict || value.kind == Kind::kOrderedDict;
}

bool holds_tensors(PickleArena const& arena, PickleValue const& dict) {
    for (std::size_t i = 1; i < dict.items.size(); i += 2) {
        if (arena[dict.items[i]].kind == Kind::kTensor) {
            return true;
        }
    }
    return false;
}

PickleValue const& find_state_dict(PickleArena const& arena, PickleValue const& root,
                                   std::string const& path) {
    require(is_dict(root), ExitCode::kBadInput, "{}: root is {}, not a dict of tensors", path,
            kind_name(root.kind));
    if (holds_tensors(arena, root)) {
        return root;
    }
    for (char const* key : {"model_state_dict", "state_dict", "model"}) {
        PickleValue const* found = find_item(arena, root, key);
        if (found != nullptr && is_dict(*found) && holds_tensors(arena, *found)) {
            return *found;
        }
    }
    fail(ExitCode::kBadInput,
         "{}: no tensor found at the root, nor under model_state_dict, state_dict or model", path);
}

std::set<std::string> find_switches(PickleArena const& arena, PickleValue const& root) {
    PickleValue const* section = &root;
    for (char const* key : {"config", "model", "image_encoder"}) {
        section = is_dict(*section) ? find_item(arena, *section, key) : nullptr;
        if (section == nullptr) {
            return {};
        }
    }
    std::set<std::string> switches;
    for (std::size_t i = 0; is_dict(*section) && i < section->items.size(); i += 2) {
        PickleValue const& value = arena[section->items[i + 1]];
        if (value.kind == Kind::kBool && value.integer == 1) {
            switches.insert(std::string(arena[section->items[i]].text));
        }
    }
    return switches;
}

struct NamedTensor {
    std::string name;
    TorchTensor const* tensor;
};

std::vector<NamedTensor> list_tensors(PickleArena const& arena, PickleValue const& dict,
                                      TorchPickleMeaning const& meaning, std::string const& path) {
    std::vector<NamedTensor> named;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
        PickleValue const& key = arena[dict.items[i]];
        PickleValue const& value = arena[dict.items[i + 1]];
        require(key.kind == Kind::kString, ExitCode::kBadInput, "{}: state-dict key is not a string but {}",
                path, kind_name(key.kind));
        check_name(key.text, path + ": tensor name");
        if (value.kind == Kind::kTensor) {
            named.push_back(
                {std::string(key.text), &meaning.tensors()[static_cast<std::size_t>(value.integer)]});
            continue;
        }
        bool const is_plain =
            value.kind != Kind::kGlobal && value.kind != Kind::kStorage && value.kind != Kind::kInert;
        require(is_plain, ExitCode::kBadInput, "{}: {} is {}, not a tensor or a plain value", path,
                printable(key.text), kind_name(value.kind));
        log_warning("{}: {} is {}, not a tensor: it is left out", path, printable(key.text),
                    kind_name(value.kind));
    }
    return named;
}

/// Rejects many names that each repeat the same storage.
void check_total(std::vector<NamedTensor> const& named, TorchPickleMeaning const& meaning,
                 TorchArchive const& archive) {
    std::uint64_t const limit = kAlwaysAllowedBytes + kMostCopies * archive.file_bytes();
    std::uint64_t total = 0;
    for (NamedTensor const& entry : named) {
        // check_view has bounded each one far below overflow.
        total += static_cast<std::uint64_t>(element_count(entry.tensor->sizes)) *
                 item_size_bytes(meaning.storages()[entry.tensor->storage].type);
        require(total <= limit, ExitCode::kBadInput,
                "{}: its tensors would need more than {} bytes, {} times the file: it would fill the memory",
                archive.path(), limit, kMostCopies);
    }
}

bool is_contiguous(TorchTensor const& tensor) {
    std::int64_t expected = 1;
    for (std::size_t i = tensor.sizes.size(); i-- > 0;) {
        if (tensor.sizes[i] != 1 && tensor.strides[i] != expected) {
            return false;
        }
        expected *= tensor.sizes[i];
    }
    return true;
}

std::vector<std::byte> copy_elements(TorchTensor const& tensor, std::vector<std::byte> const& storage,
                                     std::size_t item_bytes) {
    auto const count = static_cast<std::size_t>(element_count(tensor.sizes));
    std::vector<std::byte> bytes(count * item_bytes);
    if (count == 0) {
        return bytes;
    }
    if (is_contiguous(tensor)) {
        std::memcpy(bytes.data(), storage.data() + static_cast<std::size_t>(tensor.offset) * item_bytes,
                    bytes.size());
        return bytes;
    }
    std::vector<std::int64_t> index(tensor.sizes.size(), 0);
    std::int64_t element = tensor.offset;
    for (std::size_t i = 0; i < count; ++i) {
        std::memcpy(bytes.data() + i * item_bytes,
                    storage.data() + static_cast<std::size_t>(element) * item_bytes, item_bytes);
        for (std::size_t axis = index.size(); axis-- > 0;) {
            if (++index[axis] < tensor.sizes[axis]) {
                element += tensor.strides[axis];
                break;
            }
            element -= tensor.strides[axis] * (tensor.sizes[axis] - 1);
            index[axis] = 0;
        }
    }
    return bytes;
}

void check_bool_bytes(std::vector<std::byte> const& bytes, std::string const& path, std::string const& key) {
    bool const is_clean = std::all_of(bytes.begin(), bytes.end(),
                                      [](std::byte byte) { return std::to_integer<int>(byte) <= 1; });
    require(is_clean, ExitCode::kBadInput, "{}: bool storage {} holds bytes other than 0 and 1", path, key);
}

/// Storage by storage, so that at most one is in memory beside the tensors.
NamedArrays read_tensors(std::vector<NamedTensor> named, TorchPickleMeaning const& meaning,
                         TorchArchive const& archive) {
    std::stable_sort(named.begin(), named.end(),
                     [](auto const& a, auto const& b) { return a.tensor->storage < b.tensor->storage; });
    NamedArrays arrays;
    std::vector<std::byte> bytes;
    std::size_t loaded = SIZE_MAX;
    for (NamedTensor const& entry : named) {
        TorchStorage const& storage = meaning.storages()[entry.tensor->storage];
        if (entry.tensor->storage != loaded) {
            bytes = archive.read("data/" + storage.key);
            loaded = entry.tensor->storage;
            if (storage.type == DType::kBool) {
                check_bool_bytes(bytes, archive.path(), storage.key);
            }
        }
        auto const [at, is_new] = arrays.try_emplace(
            entry.name, Array{storage.type, entry.tensor->sizes,
                              copy_elements(*entry.tensor, bytes, item_size_bytes(storage.type))});
        require(is_new, ExitCode::kBadInput, "{}: tensor name {} occurs twice", archive.path(),
                printable(entry.name));
    }
    return arrays;
}

}  // namespace

TorchFile read_torch_file(std::filesystem::path const& path) {
    TorchArchive const archive(path);
    check_kind_of_archive(archive);
    auto const pickle = archive.read("data.pkl", kMaxPickleBytes);
    TorchPickleMeaning meaning(archive);
    PickleArena arena;
    PickleValue const& root = arena[read_pickle(pickle, meaning, arena, path.string())];
    auto named = list_tensors(arena, find_state_dict(arena, root, path.string()), meaning, path.string());
    check_total(named, meaning, archive);
    return {read_tensors(std::move(named), meaning, archive), find_switches(arena, root)};
}

}  // namespace ctclip
