#include "checkpoint/tensor_name.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxNameBytes = 4096;

bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

}  // namespace

void check_name(std::string_view name, std::string const& what) {
    require(!name.empty(), ExitCode::kBadInput, "{} is empty", what);
    require(name.size() <= kMaxNameBytes, ExitCode::kBadInput, "{} has {} bytes, at most {} are accepted",
            what, name.size(), kMaxNameBytes);
    require(invalid_utf8_offset(name) == name.npos, ExitCode::kBadInput, "{} '{}' is not valid UTF-8", what,
            printable(name));
    require(std::none_of(name.begin(), name.end(), is_control), ExitCode::kBadInput,
            "{} '{}' contains a control character", what, printable(name));
}

}  // namespace ctclip
