/// For checks that know a rule but not the file that breaks it.
#pragma once

#include <string>
#include <utility>

#include "base/error.hpp"

namespace ctclip {

/// Runs `work`; an Error that leaves it gets `what` (the file, the object) in front of its message.
template <class Work>
decltype(auto) in_context(std::string const& what, Work&& work) {
    try {
        return std::forward<Work>(work)();
    } catch (Error const& error) {
        throw Error(error.code(), what + ": " + error.what());
    }
}

}  // namespace ctclip
