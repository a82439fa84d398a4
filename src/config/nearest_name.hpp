/// "Did you mean ...?"
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate most like `name`, if any is near enough to be meant: a few letters apart, or the same last
/// part under another section ("training.batch_size" -> "data.batch_size").
std::optional<std::string> nearest_name(std::string_view name, std::vector<std::string> const& candidates);

}  // namespace ctclip
