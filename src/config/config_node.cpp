#include "config/config_node.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ctclip {

std::string to_string(Origin const& origin) {
    return origin.line > 0 ? fmt::format("{}:{}:{}", origin.source, origin.line, origin.column)
                           : origin.source;
}

ConfigNode* ConfigNode::find(std::string const& key) {
    auto const found =
        std::find_if(entries.begin(), entries.end(), [&](auto const& entry) { return entry.key == key; });
    return found == entries.end() ? nullptr : &found->value;
}

}  // namespace ctclip
