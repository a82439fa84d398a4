/// Writing dotted keys as nested YAML.
#pragma once

#include <string>
#include <vector>

namespace ctclip {

struct YamlLine {
    std::string key;      ///< "training.loss_scale.initial"
    std::string value;    ///< as YAML
    std::string comment;  ///< empty: none
};

/// Keys of a section are brought together; otherwise the order stays.
std::string nested_yaml(std::vector<YamlLine> const& lines);

}  // namespace ctclip
