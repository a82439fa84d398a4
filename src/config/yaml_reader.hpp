/// YAML made strict. yaml-cpp alone takes the first of two equal keys, ignores a second document, and lets a
/// few aliases grow into billions of nodes; here each is a problem with its line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config_node.hpp"

namespace ctclip {

/// The document in `text`. Everything wrong with it is appended to `problems`; what could be read is
/// returned. Refused: duplicate keys, anchors and aliases, tags, a second document, keys that are not plain
/// names, more than 32 levels, 10,000 nodes or 1 MiB.
ConfigNode read_yaml(std::string_view text, std::string const& source_name,
                     std::vector<ConfigProblem>& problems);

}  // namespace ctclip
