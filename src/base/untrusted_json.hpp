/// JSON from files nobody vouches for: one value, valid UTF-8, no name twice in an object, bounded nesting.
/// (Parsers commonly keep one of two equal names without a word, or recurse as deep as the file says.)
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ctclip {

/// @param what  names the text in messages, such as "shard-000001.tar: member 000001_000002.json".
/// @throws Error kBadInput.
nlohmann::json parse_untrusted_json(std::string_view text, std::string const& what,
                                    std::size_t max_depth = 32);

}  // namespace ctclip
