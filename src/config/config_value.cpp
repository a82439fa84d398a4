#include "config/config_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace ctclip {
namespace {

std::string describe(ConfigNode const& node) {
    switch (node.kind) {
        case ConfigNode::Kind::kNull:
            return "nothing (null)";
        case ConfigNode::Kind::kScalar:
            return fmt::format("{}{}{}", node.is_quoted ? "the text '" : "'", node.text, "'");
        case ConfigNode::Kind::kSequence:
            return fmt::format("a list of {}", node.items.size());
        case ConfigNode::Kind::kMap:
            return "a section";
    }
    return "something unknown";
}

ConversionProblem needs(std::string_view needed, ConfigNode const& found) {
    return fmt::format("needs {}, found {}", needed, describe(found));
}

bool is_plain_scalar(ConfigNode const& node) {
    return node.kind == ConfigNode::Kind::kScalar && !node.is_quoted;
}

/// YAML 1.1 reads 010 as 8.
bool has_leading_zero(std::string_view text) {
    if (text.starts_with('-')) {
        text.remove_prefix(1);
    }
    return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

template <class Number>
ConversionProblem convert_number(ConfigNode const& node, Number& value, std::string_view needed) {
    if (!is_plain_scalar(node)) {
        return needs(needed, node);
    }
    std::string_view const text = node.text;
    if (has_leading_zero(text)) {
        return fmt::format(
            "needs {}, found '{}' (YAML reads numbers with a leading zero as octal). Remove the zero.",
            needed, text);
    }
    Number number{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) {
        return fmt::format("needs {}, found {}, which is out of range", needed, text);
    }
    if (error != std::errc() || end != text.data() + text.size()) {
        return needs(needed, node);
    }
    value = number;
    return {};
}

/// Whether plain (unquoted) YAML reads back as this text, in this reader and in others.
bool is_plain_text(std::string const& text) {
    static constexpr std::string_view kSafe =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+";
    static constexpr std::string_view kWords[] = {"null",  "Null", "NULL",  "none", "true", "false", "True",
                                                  "False", "TRUE", "FALSE", "yes",  "Yes",  "YES",   "no",
                                                  "No",    "NO",   "on",    "On",   "ON",   "off",   "Off",
                                                  "OFF",   "y",    "n",     "Y",    "N",    "None"};
    bool const starts_as_word =
        !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) != 0 || text[0] == '/' ||
                          text.starts_with("./") || text.starts_with("../"));
    return starts_as_word && text.find_first_not_of(kSafe) == std::string::npos &&
           std::find(std::begin(kWords), std::end(kWords), text) == std::end(kWords);
}

}  // namespace

ConversionProblem convert(ConfigNode const& node, bool& value) {
    if (!is_plain_scalar(node) || (node.text != "true" && node.text != "false")) {
        return needs("true or false", node);
    }
    value = node.text == "true";
    return {};
}

ConversionProblem convert(ConfigNode const& node, std::int64_t& value) {
    return convert_number(node, value, "a whole number");
}

ConversionProblem convert(ConfigNode const& node, int& value) {
    return convert_number(node, value, "a whole number");
}

ConversionProblem convert(ConfigNode const& node, double& value) {
    double number = 0;
    if (ConversionProblem problem = convert_number(node, number, "a number"); !problem.empty()) {
        return problem;
    }
    if (!std::isfinite(number)) {
        return needs("a finite number", node);
    }
    value = number;
    return {};
}

ConversionProblem convert(ConfigNode const& node, std::string& value) {
    if (node.kind != ConfigNode::Kind::kScalar) {
        return needs("a text", node);
    }
    value = node.text;
    return {};
}

ConversionProblem convert(ConfigNode const& node, std::filesystem::path& value) {
    if (node.kind != ConfigNode::Kind::kScalar) {
        return needs("a path", node);
    }
    value = node.text;
    return {};
}

bool is_none(ConfigNode const& node) {
    return node.kind == ConfigNode::Kind::kNull || (is_plain_scalar(node) && node.text == "none");
}

ConversionProblem needs_list(ConfigNode const& found) {
    return needs("a list [a, b, ...]", found);
}

ConversionProblem in_item(std::size_t index, ConversionProblem const& problem) {
    return fmt::format("item {} {}", index + 1, problem);
}

std::string show(bool value) {
    return value ? "true" : "false";
}
std::string show(int value) {
    return std::to_string(value);
}
std::string show(std::int64_t value) {
    return std::to_string(value);
}
std::string show(double value) {
    return fmt::format("{}", value);
}

std::string show(std::string const& value) {
    // JSON strings are YAML double-quoted strings.
    return is_plain_text(value)
               ? value
               : nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string show(std::filesystem::path const& value) {
    return show(value.string());
}

}  // namespace ctclip
