/// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace ctclip {

/// Byte offset of the first sequence that is not UTF-8; npos if all of it is.
constexpr std::size_t invalid_utf8_offset(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        auto const lead = static_cast<unsigned char>(text[i]);
        if (lead < 0x80) {
            ++i;
            continue;
        }
        std::size_t const length = lead >= 0xF0 ? 4 : (lead >= 0xE0 ? 3 : 2);
        if (lead < 0xC2 || lead > 0xF4 || text.size() - i < length) {
            return i;
        }
        for (std::size_t k = 1; k < length; ++k) {
            auto const byte = static_cast<unsigned char>(text[i + k]);
            // The second byte alone rules out overlong forms, surrogates and what lies above U+10FFFF.
            unsigned char const low = k > 1 ? 0x80 : (lead == 0xE0 ? 0xA0 : (lead == 0xF0 ? 0x90 : 0x80));
            unsigned char const high = k > 1 ? 0xBF : (lead == 0xED ? 0x9F : (lead == 0xF4 ? 0x8F : 0xBF));
            if (byte < low || byte > high) {
                return i;
            }
        }
        i += length;
    }
    return std::string_view::npos;
}

}  // namespace ctclip
