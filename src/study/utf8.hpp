/// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace ctclip {

/// Byte offset of the first sequence that is not UTF-8.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

}  // namespace ctclip
