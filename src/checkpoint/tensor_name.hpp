/// What a name from a file may be: the rule that all weight files share.
#pragma once

#include <string>
#include <string_view>

namespace ctclip {

/// A good name is not empty, UTF-8, and has no control characters (it will be printed).
/// @param what  what it names, such as "a.pt: tensor name". @throws Error kBadInput; the message is printable
/// itself.
void check_name(std::string_view name, std::string const& what);

}  // namespace ctclip
