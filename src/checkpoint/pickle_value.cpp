#include "checkpoint/pickle_value.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace ctclip {
namespace {

/// Real files have about 30 values a tensor; this bounds memory to a few hundred MB whatever a file says.
constexpr std::size_t kMaxValues = 2'000'000;

}  // namespace

std::string_view kind_name(PickleValue::Kind kind) {
    static constexpr std::array<std::string_view, 15> kNames = {
        "None",         "a bool", "an int", "an int beyond 64 bits", "a float",  "a string",  "bytes",
        "a tuple",      "a list", "a dict", "an OrderedDict",        "a GLOBAL", "a storage", "a tensor",
        "a NumPy value"};
    return kNames[static_cast<std::size_t>(kind)];
}

PickleArena::Id PickleArena::add(PickleValue value) {
    require(values_.size() < kMaxValues, ExitCode::kBadInput, "data.pkl holds more than {} values",
            kMaxValues);
    values_.push_back(std::move(value));
    return static_cast<Id>(values_.size() - 1);
}

void PickleArena::check_depth(Id root, std::size_t max_depth, std::string const& what) const {
    // Depth first with an own stack; a value is measured once however often it is shared.
    constexpr std::uint32_t kUnknown = 0;
    constexpr std::uint32_t kOpen = UINT32_MAX;
    struct Visit {
        Id id;
        std::size_t next_item = 0;
        std::uint32_t deepest_item = 0;
    };
    std::vector<std::uint32_t> depths(values_.size(), kUnknown);
    std::vector<Visit> open{{root}};
    depths[root] = kOpen;
    while (!open.empty()) {
        Visit& visit = open.back();
        auto const& items = values_[visit.id].items;
        if (visit.next_item < items.size()) {
            Id const item = items[visit.next_item++];
            require(depths[item] != kOpen, ExitCode::kBadInput, "{}: cyclic object graph", what);
            if (depths[item] == kUnknown) {
                depths[item] = kOpen;
                open.push_back({item});
                require(open.size() <= max_depth, ExitCode::kBadInput,
                        "{}: nesting deeper than the limit of {}", what, max_depth);
            } else {
                visit.deepest_item = std::max(visit.deepest_item, depths[item]);
            }
            continue;
        }
        std::uint32_t const depth = visit.deepest_item + 1;
        require(depth <= max_depth, ExitCode::kBadInput, "{}: nesting deeper than the limit of {}", what,
                max_depth);
        depths[visit.id] = depth;
        open.pop_back();
        if (!open.empty()) {
            open.back().deepest_item = std::max(open.back().deepest_item, depth);
        }
    }
}

PickleValue const* find_item(PickleArena const& arena, PickleValue const& dict, std::string_view key) {
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
        PickleValue const& name = arena[dict.items[i]];
        if (name.kind == PickleValue::Kind::kString && name.text == key) {
            return &arena[dict.items[i + 1]];
        }
    }
    return nullptr;
}

}  // namespace ctclip
