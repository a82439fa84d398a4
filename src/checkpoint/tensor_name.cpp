#include "checkpoint/tensor_name.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/utf8.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNameBytes = 4096;
constexpr std::size_t kMaxQuotedBytes = 80;

bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

}  // namespace

void check_name(std::string_view name, std::string const& what) {
    require(!name.empty(), ExitCode::kBadInput, "{} is empty", what);
    require(name.size() <= kMaxNameBytes, ExitCode::kBadInput, "{} has {} bytes, at most {} are accepted",
            what, name.size(), kMaxNameBytes);
    require(invalid_utf8_offset(name) == name.npos, ExitCode::kBadInput, "{} {} is not valid UTF-8", what,
            quoted_name(name));
    require(std::none_of(name.begin(), name.end(), is_control), ExitCode::kBadInput,
            "{} {} contains a control character", what, quoted_name(name));
}

std::string quoted_name(std::string_view name) {
    bool const is_long = name.size() > kMaxQuotedBytes;
    std::string const text =
        json(name.substr(0, kMaxQuotedBytes)).dump(-1, ' ', true, json::error_handler_t::replace);
    return is_long ? text + "..." : text;
}

}  // namespace ctclip
