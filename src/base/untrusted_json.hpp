/// JSON from files nobody vouches for: one value, valid UTF-8, no name twice in an object, bounded nesting.
/// (Parsers commonly keep one of two equal names without a word, or recurse as deep as the file says.)
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ctclip {

inline constexpr std::size_t kUsualJsonDepth = 32;

/// @param what  names the text in messages, such as "shard-000001.tar: member 000001_000002.json".
/// @throws Error kBadInput.
nlohmann::json parse_untrusted_json(std::string_view text, std::string const& what,
                                    std::size_t max_depth = kUsualJsonDepth);

/// Takes the objects that are elements of an array of the outermost object.
struct ElementSink {
    std::string_view array;  ///< its name
    std::function<void(nlohmann::json const& element)> use;
};

/// As above, but these elements go to `sink`, one by one, and not into the result: a text with very many of them takes
/// the memory of one, and a third of the time.
nlohmann::json parse_untrusted_json(std::string_view text, std::string const& what, ElementSink const& sink);

}  // namespace ctclip
