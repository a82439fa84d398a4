/// UTF-8 as Python's bytes.decode reads it.
#pragma once

#include <string>
#include <string_view>

namespace ctclip {

/// errors="replace": one U+FFFD for every maximal ill-formed part (Unicode 3.9, as the WHATWG decoder).
/// Overlong forms, surrogates and values above U+10FFFF are ill-formed.
std::u32string decode_utf8_lossy(std::string_view text);

void append_utf8(std::string& text, char32_t character);

}  // namespace ctclip
