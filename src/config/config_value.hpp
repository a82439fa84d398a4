/// Strict conversion between configuration values and C++ variables. YAML's own habits are refused: `010` is
/// no 8, `yes` is no true, `.inf` is no number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "config/config_node.hpp"

namespace ctclip {

/// Empty: converted. Otherwise what was needed and what was found ("needs a whole number, found 'abc'").
using ConversionProblem = std::string;

ConversionProblem convert(ConfigNode const& node, bool& value);
ConversionProblem convert(ConfigNode const& node, int& value);
ConversionProblem convert(ConfigNode const& node, std::int64_t& value);
ConversionProblem convert(ConfigNode const& node, double& value);
ConversionProblem convert(ConfigNode const& node, std::string& value);
ConversionProblem convert(ConfigNode const& node, std::filesystem::path& value);

/// `null` and the word `none` leave it empty.
bool is_none(ConfigNode const& node);

template <class T>
ConversionProblem convert(ConfigNode const& node, std::optional<T>& value) {
    if (is_none(node)) {
        value.reset();
        return {};
    }
    T converted{};
    ConversionProblem const problem = convert(node, converted);
    if (problem.empty()) {
        value = std::move(converted);
    }
    return problem;
}

ConversionProblem needs_list(ConfigNode const& found);
ConversionProblem in_item(std::size_t index, ConversionProblem const& problem);

template <class T>
ConversionProblem convert(ConfigNode const& node, std::vector<T>& value) {
    if (node.kind != ConfigNode::Kind::kSequence) {
        return needs_list(node);
    }
    std::vector<T> converted(node.items.size());
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (ConversionProblem const problem = convert(node.items[i], converted[i]); !problem.empty()) {
            return in_item(i, problem);
        }
    }
    value = std::move(converted);
    return {};
}

/// The value as YAML that converts back to the same value.
std::string show(bool value);
std::string show(int value);
std::string show(std::int64_t value);
std::string show(double value);  ///< shortest text that reads back as the same double
std::string show(std::string const& value);
std::string show(std::filesystem::path const& value);

template <class T>
std::string show(std::optional<T> const& value) {
    return value ? show(*value) : "null";
}

template <class T>
std::string show(std::vector<T> const& value) {
    std::string text = "[";
    for (T const& item : value) {
        text += (text.size() > 1 ? ", " : "") + show(item);
    }
    return text + "]";
}

/// What the help shows in place of a value: "N", "X", "TEXT", "PATH", "[X, ...]".
template <class T>
std::string placeholder() {
    if constexpr (std::is_same_v<T, bool>) {
        return "true|false";
    } else if constexpr (std::is_integral_v<T>) {
        return "N";
    } else if constexpr (std::is_floating_point_v<T>) {
        return "X";
    } else if constexpr (std::is_same_v<T, std::string>) {
        return "TEXT";
    } else {
        return "PATH";
    }
}

/// T without optional<> or vector<>; what bounds and choices apply to.
template <class T>
struct ElementOf {
    using Type = T;
    static constexpr bool kIsList = false;
};
template <class T>
struct ElementOf<std::optional<T>> : ElementOf<T> {};
template <class T>
struct ElementOf<std::vector<T>> {
    using Type = T;
    static constexpr bool kIsList = true;
};

}  // namespace ctclip
