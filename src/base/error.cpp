#include "base/error.hpp"

#include <cerrno>
#include <system_error>

namespace ctclip {

void fail_errno(ExitCode code, std::string const& what, int error_number) {
    bool const is_permission = error_number == EACCES || error_number == EPERM;
    fail(is_permission ? ExitCode::kNoPermission : code, "{}: {}", what,
         std::generic_category().message(error_number));
}

}  // namespace ctclip
