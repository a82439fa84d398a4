#include "config/config_yaml.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ctclip {
namespace {

constexpr std::size_t kCommentColumn = 52;

struct Section {
    std::string name;
    YamlLine const* line = nullptr;  ///< a key; null for a section
    std::vector<Section> children;

    Section& child(std::string_view child_name) {
        auto const found = std::find_if(children.begin(), children.end(),
                                        [&](Section const& section) { return section.name == child_name; });
        return found != children.end() ? *found
                                       : children.emplace_back(Section{std::string(child_name), nullptr, {}});
    }
};

void insert(Section& root, YamlLine const& line) {
    Section* section = &root;
    std::string_view rest = line.key;
    for (auto dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
        section = &section->child(rest.substr(0, dot));
        rest = rest.substr(dot + 1);
    }
    section->child(rest).line = &line;
}

void write(std::string& text, Section const& section, std::size_t indent) {
    for (Section const& child : section.children) {
        std::string const name = std::string(indent, ' ') + child.name + ":";
        if (child.line == nullptr) {
            text += name + "\n";
            write(text, child, indent + 2);
            continue;
        }
        std::string const entry = name + " " + child.line->value;
        text += child.line->comment.empty()
                    ? entry + "\n"
                    : fmt::format("{:<{}}  # {}\n", entry, kCommentColumn, child.line->comment);
    }
}

}  // namespace

std::string nested_yaml(std::vector<YamlLine> const& lines) {
    Section root;
    for (YamlLine const& line : lines) {
        insert(root, line);
    }
    std::string text;
    write(text, root, 0);
    return text;
}

}  // namespace ctclip
