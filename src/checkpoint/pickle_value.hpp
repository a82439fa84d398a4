/// What a pickle says, as plain data: values in one arena that refer to each other by number, so that shared
/// parts stay shared and no destructor recurses. Nothing of it was ever called.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

struct PickleValue {
    enum class Kind {
        kNone,
        kBool,         ///< `integer` 0 or 1
        kInteger,      ///< `integer`
        kBigInteger,   ///< outside int64; its digits are not kept
        kReal,         ///< its value is not kept
        kString,       ///< `text`, unchecked bytes
        kBytes,        ///< content not kept
        kTuple,        ///< `items`
        kList,         ///< `items`
        kDict,         ///< `items`: key, value, key, value ...
        kOrderedDict,  ///< likewise
        kGlobal,       ///< `text`: "module.name"
        kStorage,      ///< `integer`: index into the meaning's storages
        kTensor,       ///< `integer`: index into the meaning's tensors
        kInert,        ///< parsed and dropped (NumPy scalars and arrays among metrics and random states)
    };
    using Id = std::uint32_t;

    Kind kind = Kind::kNone;
    std::int64_t integer = 0;
    std::string_view text;  ///< into the pickle
    std::vector<Id> items;
};

/// "a tuple", "an int" ...: for messages.
std::string_view kind_name(PickleValue::Kind kind);

class PickleArena {
  public:
    using Id = PickleValue::Id;

    Id add(PickleValue value);
    PickleValue& operator[](Id id) { return values_[id]; }
    PickleValue const& operator[](Id id) const { return values_[id]; }
    std::size_t size() const noexcept { return values_.size(); }

    /// @throws Error kBadInput if values contain themselves or are nested deeper than `max_depth`, below
    /// `root`.
    void check_depth(Id root, std::size_t max_depth, std::string const& what) const;

  private:
    std::vector<PickleValue> values_;
};

/// The value of a string key in a dict; nullptr if it is absent.
PickleValue const* find_item(PickleArena const& arena, PickleValue const& dict, std::string_view key);

}  // namespace ctclip
