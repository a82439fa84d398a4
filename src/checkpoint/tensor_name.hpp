/// What may be called a tensor: the rule that all weight files share.
#pragma once

#include <string>
#include <string_view>

namespace ctclip {

/// A valid tensor name is not empty, UTF-8, and has no control characters (it will be printed).
/// @param what  the file or object in the message. @throws Error kBadInput; the message is printable itself.
void check_tensor_name(std::string_view name, std::string const& what);

/// The name as an ASCII JSON string of at most about 100 characters: safe on a terminal whatever it holds.
std::string quoted_name(std::string_view name);

}  // namespace ctclip
