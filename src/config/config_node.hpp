/// A configuration document as a plain tree that remembers where every value was written.
#pragma once

#include <string>
#include <vector>

namespace ctclip {

/// Where a value comes from: a place in a file, or a name such as "default", "--set", "--volumes".
struct Origin {
    std::string source = "default";
    int line = 0;  ///< 1-based; 0 when the source has no lines
    int column = 0;
};
std::string to_string(Origin const& origin);  ///< "configs/demo.yaml:12:5", "--set"

/// Something wrong with the configuration; the whole list is reported at once.
struct ConfigProblem {
    Origin origin;
    std::string text;
};

struct ConfigEntry;

struct ConfigNode {
    enum class Kind { kNull, kScalar, kSequence, kMap };

    Kind kind = Kind::kNull;
    bool is_quoted = false;            ///< scalars only: "5" in quotes is text, never a number
    std::string text;                  ///< scalars only
    std::vector<ConfigNode> items;     ///< sequences only
    std::vector<ConfigEntry> entries;  ///< maps only, in the order of the file
    Origin origin;
    Origin key_origin;  ///< entries of a map: where their key is written

    ConfigNode* find(std::string const& key);  ///< maps: the entry of that name, or null
};

/// A name and what stands behind it, in a map.
struct ConfigEntry {
    std::string key;
    ConfigNode value;
};

}  // namespace ctclip
