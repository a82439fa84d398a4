/// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ctclip {

/// Byte offset of the first sequence that is not UTF-8; npos if all of it is.
std::size_t invalid_utf8_offset(std::string_view text);

/// As Python's bytes.decode with errors="replace": one U+FFFD for every maximal ill-formed part (Unicode 3.9, as
/// the WHATWG decoder).
std::u32string decode_utf8_lossy(std::string_view text);

/// @param character  a Unicode scalar value.
void append_utf8(std::string& text, char32_t character);

}  // namespace ctclip
