#include "config/schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/config_file.hpp"
#include "config/config_yaml.hpp"
#include "config/nearest_name.hpp"

namespace ctclip {
namespace {

bool is_at_or_below(std::string_view key, std::string_view prefix) {
    return key.starts_with(prefix) && (key.size() == prefix.size() || key[prefix.size()] == '.');
}

std::string join_key(std::string const& prefix, std::string const& name) {
    return prefix.empty() ? name : prefix + "." + name;
}

Origin only_name(std::string name) {
    return {std::move(name), 0, 0};
}

bool is_stored(KeyBinding const& binding) {
    return binding.place == KeyPlace::kFileAndFlags;
}

}  // namespace

Schema::Schema() = default;
Schema::~Schema() = default;

void Schema::accepted_but_unused(std::string prefix, std::string reason) {
    unused_.push_back({std::move(prefix), std::move(reason)});
}

void Schema::section_of_other_program(std::string section) {
    other_sections_.push_back(std::move(section));
}

void Schema::rule(std::string key, std::function<std::string()> find_problem) {
    rules_.push_back({std::move(key), std::move(find_problem)});
}

void Schema::load_file(std::filesystem::path const& path) {
    std::vector<ConfigProblem> problems;
    ConfigNode const root = load_config_file(path, problems);
    apply_document(root, std::move(problems));
}

void Schema::load_text(std::string_view yaml, std::string const& source_name) {
    std::vector<ConfigProblem> problems;
    ConfigNode const root = load_config_text(yaml, source_name, problems);
    apply_document(root, std::move(problems));
}

void Schema::apply_document(ConfigNode const& root, std::vector<ConfigProblem> problems) {
    has_file_ = true;
    for (ConfigProblem& problem : problems) {
        add_problem(ExitCode::kBadConfig, std::move(problem.origin), std::move(problem.text));
    }
    apply(root, "");
}

void Schema::apply(ConfigNode const& node, std::string const& prefix) {
    for (auto const& [name, value] : node.entries) {
        apply_entry(join_key(prefix, name), value);
    }
}

void Schema::apply_entry(std::string const& key, ConfigNode const& node) {
    if (KeyBinding* const binding = find(key)) {
        assign(*binding, node);
    } else if (Unused const* const unused = find_unused(key)) {
        notes_.push_back(fmt::format("{}: {} is accepted but not used: {}", to_string(node.key_origin), key,
                                     unused->reason));
    } else if (is_section(key)) {
        if (node.kind == ConfigNode::Kind::kMap) {
            apply(node, key);
        } else if (node.kind != ConfigNode::Kind::kNull) {
            add_problem(ExitCode::kBadConfig, node.origin,
                        fmt::format("{} is a section: keys of it are expected below, not a value", key));
        }
    } else if (!is_of_other_program(key)) {
        add_problem(ExitCode::kBadConfig, node.key_origin, unknown_key_text(key));
    }
}

void Schema::assign(KeyBinding& binding, ConfigNode const& node) {
    binding.is_given = true;
    binding.origin = node.origin;
    if (ConversionProblem const problem = binding.assign(node); !problem.empty()) {
        add_problem(ExitCode::kBadConfig, node.origin, fmt::format("{} {}", binding.name, problem));
    }
}

void Schema::set(std::string_view assignment) {
    auto const equals = assignment.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        add_problem(ExitCode::kUsage, only_name("--set"),
                    fmt::format("needs key=value (such as training.max_steps=400), found '{}'", assignment));
        return;
    }
    std::string const key(assignment.substr(0, equals));
    std::string const value(assignment.substr(equals + 1));
    if (KeyBinding* const binding = find(key)) {
        store(*binding, ExitCode::kBadConfig, only_name("--set"), key, {value});
    } else if (Unused const* const unused = find_unused(key)) {
        notes_.push_back(fmt::format("--set: {} is accepted but not used: {}", key, unused->reason));
    } else if (is_section(key)) {
        add_problem(ExitCode::kBadConfig, only_name("--set"), fmt::format("{} is a section, not a key", key));
    } else if (is_of_other_program(key)) {
        add_problem(ExitCode::kBadConfig, only_name("--set"),
                    fmt::format("{} is a key of another program and would do nothing here", key));
    } else {
        add_problem(ExitCode::kBadConfig, only_name("--set"), unknown_key_text(key));
    }
}

void Schema::set_from_command_line(KeyBinding& binding, std::string const& spelled,
                                   std::vector<std::string> const& words) {
    store(binding, ExitCode::kUsage, only_name(spelled), "", words);
}

void Schema::store(KeyBinding& binding, ExitCode code, Origin origin, std::string const& subject,
                   std::vector<std::string> const& words) {
    binding.is_given = true;
    binding.origin = origin;
    if (ConversionProblem const problem = binding.assign_words(words); !problem.empty()) {
        add_problem(code, std::move(origin),
                    subject.empty() ? problem : fmt::format("{} {}", subject, problem));
    }
}

void Schema::check() {
    find_missing();
    if (problems_.empty()) {
        for (Rule const& rule : rules_) {
            if (std::string const problem = rule.find_problem(); !problem.empty()) {
                add_broken_rule(rule.key, problem);
            }
        }
    }
    if (problems_.empty()) {
        return;
    }
    bool const is_usage = std::all_of(problems_.begin(), problems_.end(),
                                      [](auto const& problem) { return problem.first == ExitCode::kUsage; });
    std::string text;
    for (auto const& [code, problem] : problems_) {
        std::string const line = fmt::format("{}: {}", to_string(problem.origin), problem.text);
        text += problems_.size() == 1 ? line : "\n  " + line;
    }
    if (problems_.size() > 1) {
        text = fmt::format("{} problems:{}", problems_.size(), text);
    }
    throw Error(is_usage ? ExitCode::kUsage : ExitCode::kBadConfig, text);
}

void Schema::add_broken_rule(std::string const& key, std::string const& problem) {
    auto const found = std::ranges::find(bindings_, key, [](auto const& binding) { return binding->name; });
    bool const is_usage = found != bindings_.end() && is_for_command_line(**found) &&
                          !(is_stored(**found) && (*found)->is_given);  // then others of its rule may come from --set
    if (is_usage) {
        add_problem(ExitCode::kUsage, only_name((*found)->flag), problem);
    } else {
        add_problem(ExitCode::kBadConfig, origin(key), fmt::format("{} {}", key, problem));
    }
}

bool Schema::is_for_command_line(KeyBinding const& binding) const {
    return !is_stored(binding) || (!binding.flag.empty() && !has_file_);
}

void Schema::find_missing() {
    for (auto const& binding : bindings_) {
        if (!binding->is_required || binding->is_given) {
            continue;
        }
        if (binding->place == KeyPlace::kPositional) {
            add_problem(ExitCode::kUsage, only_name(binding->name),
                        fmt::format("is missing ({})", binding->help));
            continue;
        }
        std::string const how = binding->flag.empty() ? fmt::format("--set {}=...", binding->name)
                                                      : fmt::format("{} ...", binding->flag);
        add_problem(is_for_command_line(*binding) ? ExitCode::kUsage : ExitCode::kBadConfig, only_name(binding->name),
                    fmt::format("is required but not given ({}). Give it with {}{}.", binding->help, how,
                                is_stored(*binding) ? " or in the configuration file" : ""));
    }
}

std::string Schema::dump_yaml() const {
    return to_yaml(YamlComments::kOrigins);
}
std::string Schema::values_yaml() const {
    return to_yaml(YamlComments::kNone);
}

std::string Schema::to_yaml(YamlComments comments) const {
    std::vector<YamlLine> lines;
    for (auto const& binding : bindings_) {
        if (is_stored(*binding)) {
            lines.push_back(
                {binding->name, binding->value_as_yaml(),
                 comments == YamlComments::kOrigins ? to_string(binding->origin) : std::string()});
        }
    }
    return nested_yaml(lines);
}

bool Schema::is_given(std::string_view key) const {
    KeyBinding const* const binding = find(key);
    return binding != nullptr && binding->is_given;
}

Origin Schema::origin(std::string_view key) const {
    KeyBinding const* const binding = find(key);
    return binding == nullptr ? Origin{} : binding->origin;
}

KeyBinding* Schema::find(std::string_view key) const {
    auto const found = std::find_if(bindings_.begin(), bindings_.end(), [&](auto const& binding) {
        return is_stored(*binding) && binding->name == key;
    });
    return found == bindings_.end() ? nullptr : found->get();
}

bool Schema::is_section(std::string_view prefix) const {
    auto const is_above = [&](std::string_view key) { return key != prefix && is_at_or_below(key, prefix); };
    return std::any_of(bindings_.begin(), bindings_.end(),
                       [&](auto const& binding) { return is_stored(*binding) && is_above(binding->name); }) ||
           std::any_of(unused_.begin(), unused_.end(),
                       [&](Unused const& unused) { return is_above(unused.prefix); });
}

Schema::Unused const* Schema::find_unused(std::string_view key) const {
    auto const found = std::find_if(unused_.begin(), unused_.end(),
                                    [&](Unused const& unused) { return is_at_or_below(key, unused.prefix); });
    return found == unused_.end() ? nullptr : &*found;
}

bool Schema::is_of_other_program(std::string_view key) const {
    return std::any_of(other_sections_.begin(), other_sections_.end(), [&](std::string const& section) {
        return is_at_or_below(key, section) && !is_section(section);
    });
}

std::string Schema::unknown_key_text(std::string const& key) const {
    std::vector<std::string> names;
    auto const add_with_sections = [&](std::string const& name) {
        names.push_back(name);
        for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
            names.push_back(name.substr(0, dot));
        }
    };
    for (auto const& binding : bindings_) {
        if (is_stored(*binding)) {
            add_with_sections(binding->name);
        }
    }
    for (Unused const& unused : unused_) {
        add_with_sections(unused.prefix);
    }
    auto const nearest = nearest_name(key, names);
    return nearest ? fmt::format("unknown key {}. Did you mean {}?", key, *nearest)
                   : fmt::format("unknown key {} (--help lists all keys)", key);
}

void Schema::add_problem(ExitCode code, Origin origin, std::string text) {
    problems_.push_back({code, {std::move(origin), std::move(text)}});
}

}  // namespace ctclip
