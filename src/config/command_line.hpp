/// Command lines over Boost.Program_options, from the bindings of one or more schemas. Without Boost's prefix
/// guessing (`--dry` is not `--dry-run`) and without its number parsing (`-1` became 4294967295).
#pragma once

#include <string>
#include <vector>

#include "config/schema.hpp"

namespace ctclip {

/// One example of the help: the command, and what it does.
struct UsageExample {
    std::string command;
    std::string what;
};

struct HelpText {
    std::string program;  ///< "ctclip-convert", "ctclip-ckpt ls"
    std::string summary;
    std::vector<UsageExample> examples;
};

class CommandLine {
  public:
    /// @param words  the command line without the program name.
    /// @throws Error kUsage for an unknown option (with the nearest name), a missing or repeated value, a
    /// stray word.
    CommandLine(std::vector<std::string> words, std::vector<Schema*> const& schemas);

    /// Assigns what belongs to `schema`; problems are collected there. Separate from parsing, because files
    /// must be read before flags win over them.
    void apply_to(Schema& schema) const;

  private:
    struct Given {
        Schema* schema;
        KeyBinding* binding;
        std::string spelled;
        std::vector<std::string> words;
    };
    Given& given(Schema& schema, KeyBinding& binding, std::string const& spelled);

    std::vector<Given> given_;
};

/// `--help`: examples first, then the flags of `schema`, the options that all programs share, and the keys
/// that only files and `--set` reach.
std::string help_page(HelpText const& text, Schema const& schema, Schema const& shared_options);

}  // namespace ctclip
