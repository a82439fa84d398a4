#include "config/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "config/yaml_reader.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxBaseLevels = 4;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 20;

bool looks_like_secret(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
    static constexpr std::string_view kWords[] = {"SECRET",  "PASSWORD",   "PASSWD",      "TOKEN",
                                                  "API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"};
    return std::any_of(std::begin(kWords), std::end(kWords),
                       [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

bool is_variable_name(std::string_view name) {
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
           std::all_of(name.begin(), name.end(),
                       [](unsigned char letter) { return std::isalnum(letter) != 0 || letter == '_'; });
}

/// The value of `NAME` or `NAME:default`; otherwise `problem` says why there is none.
std::string value_of_variable(std::string_view reference, std::string& problem) {
    auto const colon = reference.find(':');
    std::string const name(reference.substr(0, colon));
    if (!is_variable_name(name)) {
        problem = fmt::format("${{{}}} names no environment variable", reference);
        return {};
    }
    if (looks_like_secret(name)) {
        problem = fmt::format(
            "${{{}}} looks like a secret (the resolved configuration is stored beside the results). "
            "Keep secrets out of the configuration.",
            name);
        return {};
    }
    if (char const* const value = std::getenv(name.c_str())) {
        return value;
    }
    if (colon == std::string_view::npos) {
        problem =
            fmt::format("the environment variable {} is not set. Set it, or give a default: ${{{}:default}}.",
                        name, name);
        return {};
    }
    return std::string(reference.substr(colon + 1));
}

std::string expand_text(std::string const& text, std::string& problem) {
    std::string expanded;
    std::size_t at = 0;
    for (auto open = text.find("${"); open != std::string::npos; open = text.find("${", at)) {
        auto const close = text.find('}', open);
        if (close == std::string::npos) {
            problem = fmt::format("'{}': ${{ without its closing brace", text);
            return text;
        }
        expanded += text.substr(at, open - at);
        expanded += value_of_variable(std::string_view(text).substr(open + 2, close - open - 2), problem);
        at = close + 1;
    }
    return expanded + text.substr(at);
}

void expand_variables(ConfigNode& node, std::vector<ConfigProblem>& problems) {
    for (ConfigNode& item : node.items) {
        expand_variables(item, problems);
    }
    for (auto& [key, value] : node.entries) {
        expand_variables(value, problems);
    }
    if (node.kind != ConfigNode::Kind::kScalar || node.text.find("${") == std::string::npos) {
        return;
    }
    std::string problem;
    node.text = expand_text(node.text, problem);
    if (!problem.empty()) {
        problems.push_back({node.origin, problem});
    }
    if (!node.is_quoted && (node.text == "null" || node.text == "~")) {
        node.kind = ConfigNode::Kind::kNull;
    }
}

void merge_over(ConfigNode& base, ConfigNode&& changes) {
    if (base.kind != ConfigNode::Kind::kMap || changes.kind != ConfigNode::Kind::kMap) {
        base = std::move(changes);
        return;
    }
    for (auto& [key, value] : changes.entries) {
        if (ConfigNode* const existing = base.find(key)) {
            merge_over(*existing, std::move(value));
        } else {
            base.entries.push_back({key, std::move(value)});
        }
    }
}

std::optional<ConfigNode> take_base(ConfigNode& node) {
    ConfigNode* const base = node.find("_base_");
    if (base == nullptr) {
        return std::nullopt;
    }
    ConfigNode taken = std::move(*base);
    std::erase_if(node.entries, [](auto const& entry) { return entry.key == "_base_"; });
    return taken;
}

ConfigNode load(std::filesystem::path const& path, std::vector<std::filesystem::path> chain,
                std::vector<ConfigProblem>& problems) {
    chain.push_back(std::filesystem::weakly_canonical(path));
    ConfigNode node = load_config_text(read_text_file(path, kMaxFileBytes), path.string(), problems);
    std::optional<ConfigNode> const base = take_base(node);
    if (!base) {
        return node;
    }
    if (base->kind != ConfigNode::Kind::kScalar) {
        problems.push_back({base->origin, "_base_ needs the path of one file"});
        return node;
    }
    std::filesystem::path const base_path = path.parent_path() / base->text;
    if (std::find(chain.begin(), chain.end(), std::filesystem::weakly_canonical(base_path)) != chain.end()) {
        problems.push_back(
            {base->origin, fmt::format("_base_: {} leads back to itself", base_path.string())});
        return node;
    }
    if (chain.size() > kMaxBaseLevels) {
        problems.push_back({base->origin, fmt::format("more than {} levels of _base_", kMaxBaseLevels)});
        return node;
    }
    try {
        ConfigNode merged = load(base_path, chain, problems);
        merge_over(merged, std::move(node));
        return merged;
    } catch (Error const& error) {
        problems.push_back({base->origin, fmt::format("_base_: {}", error.what())});
        return node;
    }
}

}  // namespace

ConfigNode load_config_file(std::filesystem::path const& path, std::vector<ConfigProblem>& problems) {
    try {
        return load(path, {}, problems);
    } catch (Error const& error) {
        throw Error(ExitCode::kBadConfig, std::string("configuration: ") + error.what());
    }
}

ConfigNode load_config_text(std::string_view text, std::string const& source_name,
                            std::vector<ConfigProblem>& problems) {
    ConfigNode node = read_yaml(text, source_name, problems);
    if (node.kind != ConfigNode::Kind::kMap && node.kind != ConfigNode::Kind::kNull) {
        problems.push_back({node.origin, "a configuration consists of sections (`training:` ...)"});
        return {};
    }
    expand_variables(node, problems);
    return node;
}

}  // namespace ctclip
