/// One configuration key, bound to one variable. `Schema` holds a list of these; the command line and the
/// help are made from the same list.
#pragma once

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config_node.hpp"
#include "config/config_value.hpp"

namespace ctclip {

/// Where a key may be written.
enum class KeyPlace {
    kFileAndFlags,  ///< YAML, --set, and its flags if it has any
    kFlagOnly,      ///< command line only: not part of the configuration that is stored
    kPositional,    ///< command line only, without a name in front
};

struct KeyHead {
    std::string name;  ///< dotted key, flag without dashes, or label of a positional ("FILE")
    std::string help;
    KeyPlace place = KeyPlace::kFileAndFlags;
};

class KeyBinding : public KeyHead {
  public:
    explicit KeyBinding(KeyHead head) : KeyHead(std::move(head)) {}
    KeyBinding(KeyBinding const&) = delete;
    KeyBinding& operator=(KeyBinding const&) = delete;
    virtual ~KeyBinding() = default;

    /// Converts, checks and stores; an empty answer means done, otherwise the variable is unchanged.
    virtual ConversionProblem assign(ConfigNode const& node) = 0;
    /// The same from the command line. A list is written `a,b,c`; but a list of names or paths that is no
    /// configuration key has one item a word.
    virtual ConversionProblem assign_words(std::vector<std::string> const& words) = 0;
    virtual std::string value_as_yaml() const = 0;
    virtual bool is_switch() const = 0;  ///< a bool: its flag needs no value
    virtual bool is_list() const = 0;
    virtual std::string value_placeholder() const = 0;

    std::string flag;                  ///< "--volumes"; empty: none
    std::vector<std::string> aliases;  ///< further spellings of the flag, shown last in the help
    bool is_required = false;
    std::vector<std::string> choices;
    Origin origin;          ///< of the current value
    bool is_given = false;  ///< a value came from somewhere, right or wrong
};

/// How the words of a command line make a value.
enum class WordsMean {
    kOneValue,
    kItems,         ///< one item a word (file names may hold commas)
    kItemsByComma,  ///< "a,b" is two items
};
ConfigNode node_from_words(std::vector<std::string> const& words, WordsMean meaning);
ConversionProblem not_a_choice(std::string const& found, std::vector<std::string> const& choices);
ConversionProblem out_of_bounds(std::string const& found, std::string const& needed);
ConversionProblem wrong_length(std::size_t found, std::size_t needed);

template <class T>
class TypedKeyBinding final : public KeyBinding {
  public:
    using Element = typename ElementOf<T>::Type;
    static constexpr bool kIsText =
        std::same_as<Element, std::string> || std::same_as<Element, std::filesystem::path>;

    TypedKeyBinding(KeyHead head, T& target) : KeyBinding(std::move(head)), target_(target) {}

    ConversionProblem assign(ConfigNode const& node) override {
        T value{};
        if (ConversionProblem problem = convert(node, value); !problem.empty()) {
            return problem;
        }
        if (ConversionProblem problem = find_violation(value); !problem.empty()) {
            return problem;
        }
        target_ = std::move(value);
        return {};
    }

    ConversionProblem assign_words(std::vector<std::string> const& words) override {
        bool const splits = place == KeyPlace::kFileAndFlags || !kIsText;  // file names may hold commas
        WordsMean const items = splits ? WordsMean::kItemsByComma : WordsMean::kItems;
        return assign(node_from_words(words, is_list() ? items : WordsMean::kOneValue));
    }

    std::string value_as_yaml() const override { return show(target_); }
    bool is_switch() const override { return std::same_as<Element, bool> && !is_list(); }
    bool is_list() const override { return ElementOf<T>::kIsList; }
    std::string value_placeholder() const override {
        bool const splits = place == KeyPlace::kFileAndFlags || !kIsText;
        return placeholder<Element>() + (is_list() && splits ? ",..." : "");
    }

    std::optional<Element> minimum;
    std::optional<Element> above;  ///< exclusive minimum
    std::optional<Element> maximum;
    std::optional<Element> below;  ///< exclusive maximum
    std::optional<std::size_t> length;  ///< lists only

  private:
    ConversionProblem find_violation(T const& value) const {
        if constexpr (ElementOf<T>::kIsList) {
            if (length && value.size() != *length) {
                return wrong_length(value.size(), *length);
            }
            for (auto const& element : value) {
                if (ConversionProblem problem = find_element_violation(element); !problem.empty()) {
                    return problem;
                }
            }
            return {};
        } else if constexpr (std::same_as<T, Element>) {
            return find_element_violation(value);
        } else {
            return value ? find_element_violation(*value) : ConversionProblem{};
        }
    }

    ConversionProblem find_element_violation(Element const& element) const {
        if constexpr (kIsText) {
            std::string const text = std::filesystem::path(element).string();
            if (is_required && text.empty()) {
                return "must not be empty";
            }
            if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
                return not_a_choice(text, choices);
            }
        } else {
            if (minimum && element < *minimum) {
                return out_of_bounds(show(element), "at least " + show(*minimum));
            }
            if (above && element <= *above) {
                return out_of_bounds(show(element), "more than " + show(*above));
            }
            if (maximum && element > *maximum) {
                return out_of_bounds(show(element), "at most " + show(*maximum));
            }
            if (below && element >= *below) {
                return out_of_bounds(show(element), "less than " + show(*below));
            }
        }
        return {};
    }

    T& target_;
};

/// An enumeration written by name.
template <class Enum>
class ChoiceKeyBinding final : public KeyBinding {
  public:
    using Names = std::vector<std::pair<std::string, Enum>>;
    static constexpr bool kIsText = false;  ///< its names are its choices

    ChoiceKeyBinding(KeyHead head, Enum& target, Names names)
        : KeyBinding(std::move(head)), target_(target), names_(std::move(names)) {
        for (auto const& [text, value] : names_) {
            choices.push_back(text);
        }
    }

    ConversionProblem assign(ConfigNode const& node) override {
        std::string text;
        if (ConversionProblem problem = convert(node, text); !problem.empty()) {
            return problem;
        }
        return assign_words({text});
    }
    ConversionProblem assign_words(std::vector<std::string> const& words) override {
        for (auto const& [text, value] : names_) {
            if (words.size() == 1 && words.front() == text) {
                target_ = value;
                return {};
            }
        }
        return not_a_choice(words.empty() ? "" : words.front(), choices);
    }
    std::string value_as_yaml() const override {
        for (auto const& [text, value] : names_) {
            if (value == target_) {
                return text;
            }
        }
        return "null";
    }
    bool is_switch() const override { return false; }
    bool is_list() const override { return false; }
    std::string value_placeholder() const override { return "NAME"; }

  private:
    Enum& target_;
    Names names_;
};

/// What `Schema::key` returns, to say more about the key: `.positive().flag("--samples_per_shard")`.
template <class Binding>
class KeyOptions {
  public:
    explicit KeyOptions(Binding& binding) : binding_(binding) {}

    /// The key must be given. (Its variable's initial value is then no default.)
    KeyOptions& required() {
        binding_.is_required = true;
        return *this;
    }
    /// A command line flag of its own, and other spellings of it.
    KeyOptions& flag(std::string flag, std::vector<std::string> aliases = {}) {
        binding_.flag = std::move(flag);
        binding_.aliases = std::move(aliases);
        return *this;
    }
    KeyOptions& choices(std::vector<std::string> choices) requires(Binding::kIsText) {
        binding_.choices = std::move(choices);
        return *this;
    }
    /// These bounds are inclusive. All bounds hold for every element of a list and for a present optional.
    template <class Number>
    KeyOptions& min(Number minimum) {
        binding_.minimum = static_cast<typename Binding::Element>(minimum);
        return *this;
    }
    template <class Number>
    KeyOptions& max(Number maximum) {
        binding_.maximum = static_cast<typename Binding::Element>(maximum);
        return *this;
    }
    /// These are exclusive.
    template <class Number>
    KeyOptions& above(Number bound) {
        binding_.above = static_cast<typename Binding::Element>(bound);
        return *this;
    }
    template <class Number>
    KeyOptions& below(Number bound) {
        binding_.below = static_cast<typename Binding::Element>(bound);
        return *this;
    }
    KeyOptions& positive() { return above(0); }
    /// A list of exactly so many elements.
    KeyOptions& length(std::size_t length) {
        binding_.length = length;
        return *this;
    }

  private:
    Binding& binding_;
};

}  // namespace ctclip
