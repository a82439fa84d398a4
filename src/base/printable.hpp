/// Names out of untrusted files, made safe for messages.
#pragma once

#include <string>
#include <string_view>

namespace ctclip {

/// ASCII as it is, every other byte as \xNN, at most 64 bytes of the name.
std::string printable(std::string_view name);

}  // namespace ctclip
