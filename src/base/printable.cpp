#include "base/printable.hpp"

#include <fmt/format.h>

namespace ctclip {

std::string printable(std::string_view name) {
    constexpr std::size_t kMaxBytes = 64;
    std::string text;
    for (char const c : name.substr(0, kMaxBytes)) {
        if (c >= ' ' && c <= '~' && c != '\\') {
            text += c;
        } else {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return name.size() > kMaxBytes ? text + "..." : text;
}

}  // namespace ctclip
