#include "base/error.hpp"

#include <cerrno>
#include <system_error>

namespace ctclip {

void fail_errno(ExitCode code, std::string const& what, int error_number) {
    bool const is_permission = error_number == EACCES || error_number == EPERM;
    char const* const advice =
        error_number == EMFILE ? ". Raise the limit of this shell (ulimit -n) or job, or use fewer, larger files"
                               : "";
    fail(is_permission ? ExitCode::kNoPermission : code, "{}: {}{}", what,
         std::generic_category().message(error_number), advice);
}

}  // namespace ctclip
