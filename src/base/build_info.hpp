/// What this binary is: goes into --version, run.json, checkpoints and benchmark records.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <utility>
#include <vector>

namespace ctclip {

struct BuildInfo {
    std::string version;   ///< "0.1.0"
    std::string git_hash;  ///< short hash, "-dirty" when the tree had changes, "unknown" outside git
    std::string build_type;
    std::string compiler;                                        ///< "GNU 12.2.0"
    std::vector<std::pair<std::string, std::string>> libraries;  ///< name, version; those compiled in
};

BuildInfo const& build_info();
/// "ctclip 0.1.0 (git 0123abcd)": the `software` attribute of what we write.
std::string software_name();
std::string build_info_text(std::string const& program);
nlohmann::json build_info_json(std::string const& program);

}  // namespace ctclip
