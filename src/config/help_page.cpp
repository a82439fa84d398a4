#include <fmt/format.h>

#include <sstream>

#include "config/command_line.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kHelpColumn = 34;

/// `left` in its column, `right` wrapped beside it.
std::string two_columns(std::string const& left, std::string const& right) {
    std::string text = "  " + left;
    text += text.size() + 2 > kHelpColumn ? "\n" + std::string(kHelpColumn, ' ')
                                          : std::string(kHelpColumn - text.size(), ' ');
    std::size_t column = kHelpColumn;
    std::istringstream words(right);
    for (std::string word; words >> word;) {
        if (column > kHelpColumn && column + 1 + word.size() > kWidth) {
            text += "\n" + std::string(kHelpColumn, ' ');
            column = kHelpColumn;
        } else if (column > kHelpColumn) {
            text += ' ';
            ++column;
        }
        text += word;
        column += word.size();
    }
    return text + "\n";
}

std::string spelling(KeyBinding const& binding) {
    std::string text;
    for (std::string const& alias : binding.aliases) {
        if (!alias.starts_with("--")) {
            text += alias + ", ";
        }
    }
    text += binding.flag;
    return binding.is_switch() ? text : text + " " + binding.value_placeholder();
}

std::string explanation(KeyBinding const& binding) {
    std::string text = binding.help;
    if (!binding.choices.empty()) {
        text += ":";
        for (std::string const& choice : binding.choices) {
            text += (&choice == &binding.choices.front() ? " " : " | ") + choice;
        }
    }
    std::string const value = binding.value_as_yaml();
    if (binding.is_required) {
        text += " (required)";
    } else if (!binding.is_switch() && value != "\"\"" && value != "null" && value != "[]") {
        text += " [" + value + "]";
    }
    for (std::string const& alias : binding.aliases) {
        if (alias.starts_with("--")) {
            text += "; also " + alias;
        }
    }
    return text;
}

std::string usage_line(HelpText const& text, Schema const& schema) {
    std::string usage = "Usage: " + text.program + " [options]";
    for (auto const& binding : schema.bindings()) {
        if (binding->place == KeyPlace::kPositional) {
            std::string const word = binding->name + (binding->is_list() ? "..." : "");
            usage += binding->is_required ? " " + word : " [" + word + "]";
        }
    }
    return usage + "\n";
}

std::string section(std::string const& title, std::string const& lines) {
    return lines.empty() ? std::string() : "\n" + title + "\n" + lines;
}

std::string option_lines(Schema const& schema) {
    std::string lines;
    for (auto const& binding : schema.bindings()) {
        if (binding->place == KeyPlace::kPositional) {
            lines += two_columns(binding->name, explanation(*binding));
        } else if (!binding->flag.empty()) {
            std::string const key = binding->place == KeyPlace::kFileAndFlags ? "; key " + binding->name : "";
            lines += two_columns(spelling(*binding), explanation(*binding) + key);
        }
    }
    return lines;
}

std::string key_lines(Schema const& schema) {
    std::string lines;
    for (auto const& binding : schema.bindings()) {
        if (binding->place == KeyPlace::kFileAndFlags && binding->flag.empty()) {
            lines += two_columns(binding->name, explanation(*binding));
        }
    }
    return lines;
}

}  // namespace

std::string help_page(HelpText const& text, Schema const& schema, Schema const& shared_options) {
    std::string page = fmt::format("{}: {}\n", text.program, text.summary);
    std::string examples;
    for (UsageExample const& example : text.examples) {
        examples += fmt::format("  {}\n      {}\n", example.command, example.what);
    }
    page += section(text.examples.size() == 1 ? "Example:" : "Examples:", examples);
    page += '\n';
    page += usage_line(text, schema);
    page += section("Options:", option_lines(schema));
    page += section("Options of every program:", option_lines(shared_options));
    page += section("Configuration keys (in the file of --config, or --set KEY=VALUE):", key_lines(schema));
    page +=
        "\nExit codes: 0 done, 64 usage, 65 bad input data, 69 something needed is missing, 70 internal "
        "error,\n"
        "73 cannot create output, 74 I/O error, 75 stopped with nothing lost: run the same command again,\n"
        "77 permission, 78 bad configuration.\n";
    return page;
}

}  // namespace ctclip
