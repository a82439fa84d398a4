#include "config/key_binding.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/nearest_name.hpp"

namespace ctclip {
namespace {

/// "a,b" -> {"a", "b"}. Brackets as in YAML are allowed around the list.
std::vector<std::string> split_list(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) {
        text = text.substr(1, text.size() - 2);
    }
    std::vector<std::string> items;
    while (!text.empty()) {
        auto const comma = text.find(',');
        std::string_view item = text.substr(0, comma);
        while (item.starts_with(' ')) {
            item.remove_prefix(1);
        }
        items.emplace_back(item);
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return items;
}

ConfigNode scalar_node(std::string const& text) {
    ConfigNode node;
    node.kind = text == "null" ? ConfigNode::Kind::kNull : ConfigNode::Kind::kScalar;
    node.text = text;
    return node;
}

}  // namespace

ConfigNode node_from_words(std::vector<std::string> const& words, WordsMean meaning) {
    if (meaning == WordsMean::kOneValue) {
        return scalar_node(words.empty() ? std::string() : words.back());
    }
    ConfigNode list;
    list.kind = ConfigNode::Kind::kSequence;
    for (std::string const& word : words) {
        for (std::string const& item : meaning == WordsMean::kItems ? std::vector{word} : split_list(word)) {
            list.items.push_back(scalar_node(item));
        }
    }
    return list;
}

ConversionProblem not_a_choice(std::string const& found, std::vector<std::string> const& choices) {
    std::string text = fmt::format("must be one of {}; found '{}'", fmt::join(choices, ", "), found);
    if (auto const nearest = nearest_name(found, choices)) {
        text += fmt::format(". Did you mean {}?", *nearest);
    }
    return text;
}

ConversionProblem out_of_bounds(std::string const& found, std::string const& needed) {
    return fmt::format("must be {}; found {}", needed, found);
}

ConversionProblem wrong_length(std::size_t found, std::size_t needed) {
    return fmt::format("needs a list of {}, found {}", needed, found);
}

}  // namespace ctclip
