/// Errors for the world outside (files, configuration, peers): always checked, always thrown, turned into an exit
/// code by the job frame. The sentence: what is wrong, with path and values (why it matters). What to do.
/// Our own bugs are CTCLIP_EXPECT: checked in debug builds only.
#pragma once

#include <fmt/format.h>

#include <cassert>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/exit_code.hpp"

#define CTCLIP_EXPECT(condition) assert(condition)

namespace ctclip {

/// Something the user can act on. `code()` is the exit code of the program that does not handle it.
class Error : public std::runtime_error {
  public:
    Error(ExitCode code, std::string const& message) : std::runtime_error(message), code_(code) {}

    ExitCode code() const noexcept { return code_; }

  private:
    ExitCode code_;
};

/// Throws Error. The first argument after the code is an fmt format string.
template <class... Args>
[[noreturn]] void fail(ExitCode code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws Error unless `condition` holds; bad input (65) is the usual code.
template <class... Args>
void require(bool condition, ExitCode code, fmt::format_string<Args...> format, Args&&... args) {
    if (!condition) {
        fail(code, format, std::forward<Args>(args)...);
    }
}

/// Throws Error for a failed system call. EACCES and EPERM give 77, all else `code`.
/// EMFILE (too many open files) also says how to allow more.
/// @param what  the call and its object, such as "open /data/shard-000001.tar".
[[noreturn]] void fail_errno(ExitCode code, std::string const& what, int error_number);

}  // namespace ctclip
