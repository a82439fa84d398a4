/// The table of a program's settings: dotted keys bound to variables. From this one table come YAML reading,
/// `--set`, command line flags, `--help` and the dump of the resolved configuration.
///
///     Schema schema;
///     schema.key("training.max_steps", options.max_steps, "optimizer steps").positive();
///     schema.choice("training.mixed_precision", options.precision, {{"fp16", Precision::kFp16}, ...},
///     "compute type"); schema.load_file("configs/demo.yaml"); schema.set("training.max_steps=400");
///     schema.check();      // throws one Error that lists everything wrong, each with file:line:column
///
/// The variables must outlive the schema. Their values at binding time are the defaults. Later assignments
/// win.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/exit_code.hpp"
#include "config/config_node.hpp"
#include "config/key_binding.hpp"

namespace ctclip {

class Schema {
  public:
    Schema();
    Schema(Schema const&) = delete;
    Schema& operator=(Schema const&) = delete;
    ~Schema();

    /// Binds a dotted key. T: bool, int, int64_t, double, string, path, an optional of these, or a vector of
    /// these.
    template <class T>
    KeyOptions<TypedKeyBinding<T>> key(std::string name, T& target, std::string help) {
        KeyHead head{std::move(name), std::move(help), KeyPlace::kFileAndFlags};
        return add(std::make_unique<TypedKeyBinding<T>>(std::move(head), target));
    }

    /// Binds a dotted key to an enumeration.
    template <class Enum>
    KeyOptions<ChoiceKeyBinding<Enum>> choice(
        std::string name, Enum& target, std::vector<std::pair<std::string, std::type_identity_t<Enum>>> names,
        std::string help) {
        KeyHead head{std::move(name), std::move(help), KeyPlace::kFileAndFlags};
        return add(std::make_unique<ChoiceKeyBinding<Enum>>(std::move(head), target, std::move(names)));
    }

    /// Binds a flag (`"--output"`) that is no configuration key: not in files, not in the dump. A vector's
    /// flag may be repeated.
    template <class T>
    KeyOptions<TypedKeyBinding<T>> option(std::string flag, T& target, std::string help) {
        KeyHead head{flag.substr(2), std::move(help), KeyPlace::kFlagOnly};
        return add(std::make_unique<TypedKeyBinding<T>>(std::move(head), target)).flag(std::move(flag));
    }

    template <class Enum>
    KeyOptions<ChoiceKeyBinding<Enum>> option(
        std::string flag, Enum& target, std::vector<std::pair<std::string, std::type_identity_t<Enum>>> names,
        std::string help) {
        KeyHead head{flag.substr(2), std::move(help), KeyPlace::kFlagOnly};
        return add(std::make_unique<ChoiceKeyBinding<Enum>>(std::move(head), target, std::move(names)))
            .flag(std::move(flag));
    }

    /// Binds the next word of the command line (`label` as in the help: "FILE"); a vector takes all that are
    /// left.
    template <class T>
    KeyOptions<TypedKeyBinding<T>> positional(std::string label, T& target, std::string help) {
        KeyHead head{std::move(label), std::move(help), KeyPlace::kPositional};
        return add(std::make_unique<TypedKeyBinding<T>>(std::move(head), target));
    }

    /// `prefix` and all keys below it are accepted; a note with the reason is kept when one is given.
    void accepted_but_unused(std::string prefix, std::string reason);
    /// `section` belongs to another program that shares files with this one: accepted in them, unless a key
    /// in it is bound here. (In set() it is a mistake.)
    void section_of_other_program(std::string section);
    /// A condition over several keys. `find_problem` runs in check() once all values are right by themselves;
    /// a non-empty answer is reported at the origin of `key`, which may also be the name of an option.
    void rule(std::string key, std::function<std::string()> find_problem);

    /// Collects problems; only an unreadable file throws (kBadConfig). Later files win over earlier ones.
    void load_file(std::filesystem::path const& path);
    void load_text(std::string_view yaml, std::string const& source_name);
    /// "a.b.c=value" from `--set`. Collects problems.
    void set(std::string_view assignment);
    /// Words of a flag or of a positional, as the command line found them. Collects problems.
    void set_from_command_line(KeyBinding& binding, std::string const& spelled,
                               std::vector<std::string> const& words);

    /// @throws Error with all problems, one a line: kUsage when all are in flags, otherwise kBadConfig.
    void check();

    /// The resolved configuration as YAML that load_text() accepts, each line with its origin as a comment.
    std::string dump_yaml() const;
    /// The same without comments: equal for equal settings, wherever they came from.
    std::string values_yaml() const;

    /// One line for every accepted but unused key that was given.
    std::vector<std::string> const& notes() const noexcept { return notes_; }
    bool is_given(std::string_view key) const;  ///< set by a file or the command line. Unknown keys: false.
    Origin origin(std::string_view key) const;
    std::vector<std::unique_ptr<KeyBinding>> const& bindings() const noexcept { return bindings_; }

  private:
    struct Unused {
        std::string prefix;
        std::string reason;
    };
    struct Rule {
        std::string key;
        std::function<std::string()> find_problem;
    };

    template <class Binding>
    KeyOptions<Binding> add(std::unique_ptr<Binding> binding) {
        Binding& added = *binding;
        bindings_.push_back(std::move(binding));
        return KeyOptions<Binding>(added);
    }

    KeyBinding* find(std::string_view key) const;
    bool is_section(std::string_view prefix) const;
    Unused const* find_unused(std::string_view key) const;
    bool is_of_other_program(std::string_view key) const;
    std::string unknown_key_text(std::string const& key) const;
    void apply_document(ConfigNode const& root, std::vector<ConfigProblem> problems);
    void apply(ConfigNode const& node, std::string const& prefix);
    void apply_entry(std::string const& key, ConfigNode const& node);
    void assign(KeyBinding& binding, ConfigNode const& node);
    void store(KeyBinding& binding, ExitCode code, Origin origin, std::string const& subject,
               std::vector<std::string> const& words);
    void find_missing();
    void add_broken_rule(std::string const& key, std::string const& problem);
    /// Where a value that is missing is expected: flags alone, or flags in place of a file that nobody gave.
    bool is_for_command_line(KeyBinding const& binding) const;
    void add_problem(ExitCode code, Origin origin, std::string text);
    enum class YamlComments { kNone, kOrigins };
    std::string to_yaml(YamlComments comments) const;

    std::vector<std::unique_ptr<KeyBinding>> bindings_;
    std::vector<Unused> unused_;
    std::vector<std::string> other_sections_;
    std::vector<Rule> rules_;
    std::vector<std::string> notes_;
    std::vector<std::pair<ExitCode, ConfigProblem>> problems_;
    bool has_file_ = false;
};

}  // namespace ctclip
