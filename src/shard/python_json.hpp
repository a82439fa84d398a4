/// Values in the bytes of Python's json.dumps (defaults: ASCII only).
#pragma once

#include <string>
#include <string_view>

namespace ctclip {

/// repr(float): the shortest digits that read back as the same number; "1.0", "1e-05", "-1024.0", "1e+16".
/// @param value  finite.
std::string python_number(double value);

/// With quotes. @param text  UTF-8; the caller has checked it. Also the safe way to show a foreign name in a
/// message.
std::string python_string(std::string_view text);

}  // namespace ctclip
