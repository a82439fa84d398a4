#include "config/yaml_reader.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "base/utf8.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxLevels = 32;
constexpr std::size_t kMaxNodes = 10'000;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

/// Ends the walk; everything before it has been reported already.
struct GiveUp {};

/// Builds the tree from yaml-cpp's events: its own node tree has lost duplicates and aliases by the time one
/// sees it.
class TreeBuilder final : public YAML::EventHandler {
  public:
    TreeBuilder(std::string_view text, std::string const& source_name, std::vector<ConfigProblem>& problems)
        : text_(text), source_name_(source_name), problems_(problems) {}

    ConfigNode take_root() { return std::move(root_); }

    void OnDocumentStart(YAML::Mark const&) override {}
    void OnDocumentEnd() override {}

    void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        refuse_anchor(mark, anchor);
        add(make_node(mark, ConfigNode::Kind::kNull));
    }
    void OnAlias(YAML::Mark const& mark, YAML::anchor_t) override {
        give_up(mark, "aliases (*name) are not accepted here. Write the value out.");
    }
    void OnScalar(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                  std::string const& value) override {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        ConfigNode node = make_node(mark, ConfigNode::Kind::kScalar);
        node.is_quoted = tag == "!";
        if (node.is_quoted && !is_closed_quote(offset_of(mark))) {
            give_up(mark, "a quote is opened here and never closed");
        }
        node.text = value;
        add(std::move(node));
    }
    void OnSequenceStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, ConfigNode::Kind::kSequence);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, ConfigNode::Kind::kMap);
    }
    void OnMapEnd() override { close(); }

    Origin origin_of(YAML::Mark const& mark) const { return {source_name_, mark.line + 1, mark.column + 1}; }

  private:
    struct Level {
        ConfigNode node;
        bool has_key = false;  ///< maps: a key was read, its value comes next
        std::string key;
        Origin key_origin;
        bool is_dropped = false;  ///< the value of a refused key
    };

    ConfigNode make_node(YAML::Mark const& mark, ConfigNode::Kind kind) {
        if (++num_nodes_ > kMaxNodes) {
            give_up(mark, fmt::format("more than {} values. This is no configuration of ctclip.", kMaxNodes));
        }
        ConfigNode node;
        node.kind = kind;
        node.origin = origin_of(mark);
        return node;
    }

    void open(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor, ConfigNode::Kind kind) {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        if (levels_.size() >= kMaxLevels) {
            give_up(mark, fmt::format("nested more than {} levels deep", kMaxLevels));
        }
        levels_.push_back({make_node(mark, kind), false, {}, {}, false});
    }

    void close() {
        ConfigNode finished = std::move(levels_.back().node);
        levels_.pop_back();
        add(std::move(finished));
    }

    void add(ConfigNode node) {
        if (levels_.empty()) {
            root_ = std::move(node);
            return;
        }
        Level& level = levels_.back();
        if (level.node.kind == ConfigNode::Kind::kSequence) {
            level.node.items.push_back(std::move(node));
        } else if (level.has_key) {
            level.has_key = false;
            if (!level.is_dropped) {
                node.key_origin = level.key_origin;
                level.node.entries.push_back({std::move(level.key), std::move(node)});
            }
        } else {
            take_key(level, node);
        }
    }

    void take_key(Level& level, ConfigNode const& node) {
        level.has_key = true;
        level.is_dropped = false;
        if (node.kind != ConfigNode::Kind::kScalar || node.text.empty()) {
            problems_.push_back({node.origin, "a key must be a plain name"});
            level.is_dropped = true;
        } else if (ConfigNode const* const earlier = level.node.find(node.text)) {
            problems_.push_back(
                {node.origin, fmt::format("key '{}' is here a second time (first at {}). Keep one.",
                                          node.text, to_string(earlier->key_origin))});
            level.is_dropped = true;
        } else if (node.text == "<<") {
            problems_.push_back(
                {node.origin, "merge keys (<<) are not accepted here. Use _base_: FILE instead."});
            level.is_dropped = true;
        }
        level.key = node.text;
        level.key_origin = node.origin;
    }

    std::size_t offset_of(YAML::Mark const& mark) const {
        std::size_t line_start = 0;
        for (int line = 0; line < mark.line; ++line) {
            line_start = text_.find('\n', line_start) + 1;
        }
        return line_start + static_cast<std::size_t>(mark.column);
    }

    /// yaml-cpp takes the rest of a file as the value of a quote that is never closed.
    bool is_closed_quote(std::size_t offset) const {
        char const quote = offset < text_.size() ? text_[offset] : '\0';
        if (quote != '"' && quote != '\'') {
            return true;  // a block of text: | or >
        }
        for (std::size_t at = offset + 1; at < text_.size(); ++at) {
            if (text_[at] == '\\' && quote == '"') {
                ++at;
            } else if (text_[at] == quote) {
                return true;
            }
        }
        return false;
    }

    void refuse_anchor(YAML::Mark const& mark, YAML::anchor_t anchor) {
        if (anchor != 0) {
            give_up(mark, "anchors (&name) are not accepted here. Write the value out.");
        }
    }

    void refuse_tag(YAML::Mark const& mark, std::string const& tag) {
        if (!tag.empty() && tag != "?" && tag != "!") {
            problems_.push_back(
                {origin_of(mark), fmt::format("the tag {} is not accepted here. Remove it.", tag)});
        }
    }

    [[noreturn]] void give_up(YAML::Mark const& mark, std::string text) {
        problems_.push_back({origin_of(mark), std::move(text)});
        throw GiveUp();
    }

    std::string_view text_;
    std::string const& source_name_;
    std::vector<ConfigProblem>& problems_;
    std::vector<Level> levels_;
    ConfigNode root_;
    std::size_t num_nodes_ = 0;
};

}  // namespace

ConfigNode read_yaml(std::string_view text, std::string const& source_name,
                     std::vector<ConfigProblem>& problems) {
    auto const add_problem = [&](Origin const& origin, std::string const& problem) {
        problems.push_back(ConfigProblem{origin, problem});
    };
    Origin const whole_file{source_name, 0, 0};
    if (text.size() > kMaxBytes) {
        add_problem(whole_file,
                    fmt::format("{} bytes; a configuration has at most {}", text.size(), kMaxBytes));
        return {};
    }
    if (auto const zero = text.find('\0'); zero != std::string_view::npos) {
        add_problem(whole_file, fmt::format("byte {} is zero: this is no text file", zero));
        return {};
    }
    if (auto const offset = invalid_utf8_offset(text); offset != std::string_view::npos) {
        add_problem(whole_file, fmt::format("byte {} is no UTF-8. Save the file as UTF-8.", offset));
        return {};
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    std::istringstream stream{std::string(text)};
    TreeBuilder builder(text, source_name, problems);
    try {
        YAML::Parser parser(stream);
        if (parser.HandleNextDocument(builder) && parser) {
            add_problem(whole_file, "holds a second document ('---'). Keep one document a file.");
        }
    } catch (GiveUp const&) {  // its problem is in the list
    } catch (YAML::Exception const& error) {
        add_problem(builder.origin_of(error.mark), "no valid YAML: " + error.msg);
    }
    return builder.take_root();
}

}  // namespace ctclip
