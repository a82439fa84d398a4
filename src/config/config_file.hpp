/// Configuration files with `_base_` inheritance and `${VAR:default}` expansion, as in the Python
/// configuration.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "config/config_node.hpp"

namespace ctclip {

/// The file merged over its bases: `_base_: other.yaml` (relative to the file that says so, at most 4 levels)
/// is read first, then maps are merged key by key and everything else is replaced. `${VAR}` and
/// `${VAR:default}` in values are expanded from the environment; variables that look like secrets are
/// refused, because the resolved configuration is stored beside the results.
/// @throws Error kBadConfig when `path` cannot be read; all other trouble is appended to `problems`.
ConfigNode load_config_file(std::filesystem::path const& path, std::vector<ConfigProblem>& problems);

/// The same for text in memory, without `_base_`.
ConfigNode load_config_text(std::string_view text, std::string const& source_name,
                            std::vector<ConfigProblem>& problems);

}  // namespace ctclip
