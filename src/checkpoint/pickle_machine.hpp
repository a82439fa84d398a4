/// Reads a pickle without executing it: protocols 2 to 5, an allow-list of
/// opcodes, every length checked before use. What globals, calls and persistent ids mean is asked of a
/// PickleMeaning; nothing else is possible.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "checkpoint/pickle_value.hpp"

namespace ctclip {

/// The few calls that a format allows. Each function throws Error kBadInput for what it does not know.
class PickleMeaning {
  public:
    using Id = PickleValue::Id;

    virtual ~PickleMeaning() = default;
    /// Called at every GLOBAL, used or not. @param name  "module.name". Returns the same text, in static
    /// storage.
    virtual std::string_view find_global(std::string_view name) = 0;
    /// REDUCE: the value of callable(*args). `args` is a tuple.
    virtual Id reduce(PickleArena& arena, Id callable, Id args) = 0;
    /// BUILD: state set on an object.
    virtual void build(PickleArena& arena, Id object, Id state) = 0;
    /// BINPERSID: the object outside the pickle.
    virtual Id load_persistent(PickleArena& arena, Id pid) = 0;
};

/// The root value's number. `arena` must be empty; its texts point into `pickle`.
/// @throws Error kBadInput naming the opcode and its offset, and what is wrong.
PickleValue::Id read_pickle(std::span<std::byte const> pickle, PickleMeaning& meaning, PickleArena& arena,
                            std::string const& what);

}  // namespace ctclip
