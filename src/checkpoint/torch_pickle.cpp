#include "checkpoint/torch_pickle.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/printable.hpp"

namespace ctclip {
namespace {

using Kind = PickleValue::Kind;
using Id = PickleValue::Id;

constexpr std::size_t kMaxRank = 64;
constexpr std::int64_t kMostRepeats = 64;  ///< of a storage's elements in one view (expanded buffers)
constexpr std::int64_t kAlwaysAllowedElements = std::int64_t{1} << 20;

constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";

struct StorageType {
    std::string_view global;
    DType type;
};
constexpr std::array kStorageTypes = {
    StorageType{"torch.HalfStorage", DType::kF16},  StorageType{"torch.BFloat16Storage", DType::kBF16},
    StorageType{"torch.FloatStorage", DType::kF32}, StorageType{"torch.DoubleStorage", DType::kF64},
    StorageType{"torch.LongStorage", DType::kI64},  StorageType{"torch.IntStorage", DType::kI32},
    StorageType{"torch.ShortStorage", DType::kI16}, StorageType{"torch.CharStorage", DType::kI8},
    StorageType{"torch.ByteStorage", DType::kU8},   StorageType{"torch.BoolStorage", DType::kBool}};

/// Metrics and random states of training checkpoints: parsed and dropped, never interpreted.
constexpr std::array<std::string_view, 6> kInertCalls = {"numpy._core.multiarray._reconstruct",
                                                         "numpy._core.multiarray.scalar",
                                                         "numpy.core.multiarray._reconstruct",
                                                         "numpy.core.multiarray.scalar",
                                                         "numpy.dtype",
                                                         "_codecs.encode"};
constexpr std::string_view kInertValue = "numpy.ndarray";

template <class List>
std::string_view find_in(List const& list, std::string_view name) {
    auto const found = std::find(list.begin(), list.end(), name);
    return found == list.end() ? std::string_view() : *found;
}

StorageType const* find_storage_type(std::string_view global) {
    auto const found = std::find_if(kStorageTypes.begin(), kStorageTypes.end(),
                                    [&](StorageType const& type) { return type.global == global; });
    return found == kStorageTypes.end() ? nullptr : &*found;
}

void check(bool condition, std::string const& path, std::string_view problem) {
    require(condition, ExitCode::kBadInput, "{}: {}", path, problem);
}

std::int64_t natural_number(PickleValue const& value, std::string const& path, std::string_view name) {
    check(value.kind != Kind::kBigInteger, path, fmt::format("{} does not fit in int64", name));
    check(value.kind == Kind::kInteger, path,
          fmt::format("{} is not an integer but {}", name, kind_name(value.kind)));
    check(value.integer >= 0, path, fmt::format("{} is negative", name));
    return value.integer;
}

Shape natural_numbers(PickleArena const& arena, PickleValue const& tuple, std::string const& path,
                      std::string_view name) {
    check(tuple.kind == Kind::kTuple, path,
          fmt::format("{}s are {}, not a tuple", name, kind_name(tuple.kind)));
    check(tuple.items.size() <= kMaxRank, path,
          fmt::format("a tensor has rank {}, at most {} are accepted", tuple.items.size(), kMaxRank));
    Shape numbers;
    for (Id const id : tuple.items) {
        numbers.push_back(natural_number(arena[id], path, name));
    }
    return numbers;
}

void check_hooks(PickleValue const& hooks, std::string const& path) {
    check(hooks.kind == Kind::kOrderedDict && hooks.items.empty(), path, "backward hooks are not empty");
}

void check_requires_grad(PickleValue const& value, std::string const& path) {
    check(value.kind == Kind::kBool, path, "requires_grad is not a bool");
}

/// The view must lie inside the storage, and must not repeat its elements without bound.
void check_view(TorchTensor const& tensor, std::int64_t num_stored, std::string const& path) {
    std::int64_t count = 0;
    try {
        count = element_count(tensor.sizes);
    } catch (Error const& error) {
        check(false, path, error.what());
    }
    if (count == 0) {
        return;
    }
    std::int64_t last = tensor.offset;
    for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
        std::int64_t extent = 0;
        bool const overflows = __builtin_mul_overflow(tensor.sizes[i] - 1, tensor.strides[i], &extent) ||
                               __builtin_add_overflow(last, extent, &last);
        check(!overflows, path, "a tensor's offset + extent overflows int64");
    }
    check(last < num_stored, path,
          fmt::format("a view needs elements {} to {}, its storage has {}", tensor.offset, last, num_stored));
    bool const is_bounded = count <= kAlwaysAllowedElements || count / kMostRepeats <= num_stored;
    check(
        is_bounded, path,
        fmt::format("a view of {} elements on a storage of {}: it would fill the memory", count, num_stored));
}

}  // namespace

std::string_view TorchPickleMeaning::find_global(std::string_view name) {
    static constexpr std::array kCalls = {kOrderedDict, kRebuildTensor, kRebuildParameter, kInertValue};
    for (std::string_view const known : {find_in(kCalls, name), find_in(kInertCalls, name)}) {
        if (!known.empty()) {
            return known;
        }
    }
    StorageType const* type = find_storage_type(name);
    require(type != nullptr, ExitCode::kBadInput,
            "{}: GLOBAL {} is not in the allow-list (what is not known could run code). Save "
            "`model.state_dict()` "
            "with plain tensors alone, or convert the file to safetensors",
            archive_.path(), printable(name));
    return type->global;
}

Id TorchPickleMeaning::reduce(PickleArena& arena, Id callable, Id args) {
    std::string_view const name = arena[callable].text;
    std::vector<Id> const items = arena[args].items;
    if (name == kOrderedDict) {
        check(items.empty(), archive_.path(), "collections.OrderedDict called with arguments");
        return arena.add({Kind::kOrderedDict, 0, {}, {}});
    }
    if (name == kRebuildTensor) {
        return rebuild_tensor(arena, items);
    }
    if (name == kRebuildParameter) {
        return rebuild_parameter(arena, items);
    }
    check(!find_in(kInertCalls, name).empty(), archive_.path(),
          fmt::format("REDUCE on {} is not allowed", name));
    return arena.add({Kind::kInert, 0, {}, {}});
}

void TorchPickleMeaning::build(PickleArena& arena, Id object, Id state) {
    PickleValue const& target = arena[object];
    if (target.kind == Kind::kInert) {
        return;
    }
    check(target.kind == Kind::kOrderedDict, archive_.path(),
          fmt::format("BUILD on {} is not allowed", kind_name(target.kind)));
    PickleValue const& attributes = arena[state];
    bool const is_metadata = attributes.kind == Kind::kDict && attributes.items.size() == 2 &&
                             arena[attributes.items[0]].text == "_metadata";
    check(is_metadata, archive_.path(), "BUILD on an OrderedDict with anything but _metadata is not allowed");
}

Id TorchPickleMeaning::load_persistent(PickleArena& arena, Id pid) {
    std::string const path = archive_.path();
    PickleValue const& tuple = arena[pid];
    check(tuple.kind == Kind::kTuple, path, "persistent id is not a tuple");
    check(tuple.items.size() == 5, path,
          fmt::format("persistent id has {} items, expected 5", tuple.items.size()));
    PickleValue const& tag = arena[tuple.items[0]];
    PickleValue const& type = arena[tuple.items[1]];
    PickleValue const& key = arena[tuple.items[2]];
    PickleValue const& location = arena[tuple.items[3]];
    check(tag.kind == Kind::kString && tag.text == "storage", path,
          "persistent id does not start with \"storage\"");
    check(type.kind == Kind::kGlobal, path,
          fmt::format("storage type is {}, not a GLOBAL", kind_name(type.kind)));
    StorageType const* storage_type = find_storage_type(type.text);
    check(storage_type != nullptr, path, fmt::format("{} is not a storage type", type.text));
    check(key.kind == Kind::kString, path,
          fmt::format("storage key is not a string but {}", kind_name(key.kind)));
    bool const is_number =
        !key.text.empty() && key.text.size() <= 10 &&
        std::all_of(key.text.begin(), key.text.end(), [](char c) { return '0' <= c && c <= '9'; });
    check(is_number, path, fmt::format("storage key '{}' is not a plain number", printable(key.text)));
    check(location.kind == Kind::kString, path, "storage location is not a string");
    std::int64_t const count = natural_number(arena[tuple.items[4]], path, "storage element count");

    auto const [known, is_new] = storage_of_key_.try_emplace(std::string(key.text), storages_.size());
    if (is_new) {
        std::uint64_t num_bytes = 0;
        bool const overflows = __builtin_mul_overflow(count, item_size_bytes(storage_type->type), &num_bytes);
        check(!overflows, path, fmt::format("storage {}: byte count overflows", key.text));
        std::string const record = "data/" + std::string(key.text);
        std::uint64_t const record_bytes = archive_.size_bytes(record);
        check(num_bytes == record_bytes, path,
              fmt::format("storage {} claims {} elements = {} bytes, record {} has {} bytes", key.text, count,
                          num_bytes, record, record_bytes));
        storages_.push_back({std::string(key.text), storage_type->type, count});
    }
    TorchStorage const& storage = storages_[known->second];
    check(storage.type == storage_type->type, path,
          fmt::format("storage {} is declared with two different types", key.text));
    check(storage.num_elements == count, path,
          fmt::format("storage {} is declared with two different sizes", key.text));
    return arena.add({Kind::kStorage, static_cast<std::int64_t>(known->second), {}, {}});
}

Id TorchPickleMeaning::rebuild_tensor(PickleArena& arena, std::vector<Id> const& args) {
    std::string const path = archive_.path();
    check(args.size() == 6 || args.size() == 7, path,
          fmt::format("_rebuild_tensor_v2 has {} arguments, expected 6 or 7", args.size()));
    PickleValue const& storage = arena[args[0]];
    check(storage.kind == Kind::kStorage, path, "the first argument of _rebuild_tensor_v2 is not a storage");
    TorchTensor tensor;
    tensor.storage = static_cast<std::size_t>(storage.integer);
    tensor.offset = natural_number(arena[args[1]], path, "storage offset");
    tensor.sizes = natural_numbers(arena, arena[args[2]], path, "dimension");
    tensor.strides = natural_numbers(arena, arena[args[3]], path, "stride");
    check(tensor.sizes.size() == tensor.strides.size(), path,
          fmt::format("size has rank {}, stride rank {}", tensor.sizes.size(), tensor.strides.size()));
    check_requires_grad(arena[args[4]], path);
    check_hooks(arena[args[5]], path);
    bool const has_metadata =
        args.size() == 7 && !(arena[args[6]].kind == Kind::kDict && arena[args[6]].items.empty());
    check(!has_metadata, path,
          "tensor metadata (such as {\"neg\": true}) is not supported: ignoring it would "
          "change values");
    check_view(tensor, storages_[tensor.storage].num_elements, path);
    tensors_.push_back(std::move(tensor));
    return arena.add({Kind::kTensor, static_cast<std::int64_t>(tensors_.size() - 1), {}, {}});
}

Id TorchPickleMeaning::rebuild_parameter(PickleArena& arena, std::vector<Id> const& args) const {
    check(args.size() == 3, archive_.path(),
          fmt::format("_rebuild_parameter has {} arguments, expected 3", args.size()));
    check(arena[args[0]].kind == Kind::kTensor, archive_.path(),
          "_rebuild_parameter of something that is not a tensor");
    check_requires_grad(arena[args[1]], archive_.path());
    check_hooks(arena[args[2]], archive_.path());
    return args[0];
}

}  // namespace ctclip
