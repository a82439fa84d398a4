/// JSON from files nobody vouches for: one value, valid UTF-8, no name twice in an object, bounded nesting.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ctclip {

/// @param what  the text in error messages, such as "model.safetensors: header".
/// @param max_depth  objects and arrays open at once.
/// @throws Error kBadInput. (Most JSON parsers keep one of two equal names silently, and recurse without
/// bound.)
nlohmann::json parse_strict_json(std::string_view text, std::size_t max_depth, std::string const& what);

/// A valid tensor name: not empty, no control characters, UTF-8.
/// @throws Error kBadInput, naming `what`.
void check_tensor_name(std::string_view name, std::string const& what);

}  // namespace ctclip
