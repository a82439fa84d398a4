#include "tools/tool_frame.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "config/nearest_name.hpp"
#include "jobs/program_frame.hpp"

namespace ctclip {
namespace {

constexpr char const* kJsonHelp = "output for programs: JSON on stdout";

bool has_subcommands(ToolDescription const& tool) {
    return !tool.commands.front().name.empty();
}

std::string command_list(ToolDescription const& tool) {
    std::string text;
    for (ToolCommand const& command : tool.commands) {
        text += fmt::format("  {:<12} {}\n", command.name, command.summary);
    }
    return text;
}

/// The page of `tool --help`: an example of each command first.
std::string overview(ToolDescription const& tool) {
    std::string examples;
    for (ToolCommand const& command : tool.commands) {
        if (!command.examples.empty()) {
            examples += fmt::format("  {}\n      {}\n", command.examples.front().command,
                                    command.examples.front().what);
        }
    }
    return fmt::format(
        "{0}: {1}\n\nExamples:\n{2}\nUsage: {0} COMMAND [options]\n\nCommands:\n{3}\n{0} COMMAND --help "
        "explains a "
        "command.\n",
        tool.name, tool.summary, examples, command_list(tool));
}

/// Takes the command's name out of `words`. All options that may stand in front of it are switches.
ToolCommand const* take_command(ToolDescription const& tool, std::vector<std::string>& words) {
    if (!has_subcommands(tool)) {
        return &tool.commands.front();
    }
    auto const word = std::find_if(words.begin(), words.end(),
                                   [](std::string const& text) { return !text.starts_with('-'); });
    if (word == words.end()) {
        return nullptr;
    }
    std::string const name = *word;
    words.erase(word);
    std::vector<std::string> names;
    for (ToolCommand const& command : tool.commands) {
        if (command.name == name) {
            return &command;
        }
        names.push_back(command.name);
    }
    auto const nearest = nearest_name(name, names);
    fail(ExitCode::kUsage, "unknown command '{}'. {}\nCommands:\n{}", name,
         nearest ? fmt::format("Did you mean {}?", *nearest) : "", command_list(tool));
}

ExitCode run_without_command(ToolDescription const& tool, std::vector<std::string> const& words) {
    ProgramOptions options;
    Schema shared_options;
    Schema none;
    options.bind(shared_options, kJsonHelp);
    CommandLine const command_line(words, {&shared_options});
    command_line.apply_to(shared_options);
    shared_options.check();
    if (options.wants_help) {
        write_stdout(overview(tool));
        return ExitCode::kDone;
    }
    if (answer_questions(options, {tool.name, tool.summary, {}}, none, shared_options)) {
        return ExitCode::kDone;
    }
    fail(ExitCode::kUsage, "a command is missing.\nCommands:\n{}", command_list(tool));
}

ExitCode run_command(ToolDescription const& tool, ToolCommand const& command,
                     std::vector<std::string> const& words) {
    ProgramOptions options;
    Schema shared_options;
    Schema schema;
    options.bind(shared_options, kJsonHelp);
    command.bind(schema);
    CommandLine const command_line(words, {&schema, &shared_options});
    command_line.apply_to(shared_options);
    shared_options.check();
    options.apply_to_log();
    std::string const program = command.name.empty() ? tool.name : tool.name + " " + command.name;
    if (answer_questions(options, {program, command.summary, command.examples}, schema, shared_options)) {
        return ExitCode::kDone;
    }
    command_line.apply_to(schema);
    schema.check();
    ToolContext context(options.wants_json, options.progress_style());
    return command.body(context);
}

}  // namespace

void ToolContext::write(std::string_view text) {
    write_stdout(text);
}

void ToolContext::write_json(nlohmann::json const& value) {
    write_stdout(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Progress ToolContext::progress(std::string what, std::string unit, std::int64_t total) const {
    return Progress(std::move(what), std::move(unit), total, progress_style_);
}

int run_tool(int argc, char** argv, ToolDescription const& description) {
    CTCLIP_EXPECT(!description.commands.empty());
    ExitCode code = ExitCode::kDone;
    Failure const failure = failure_of([&] {
        std::vector<std::string> words = words_of(argc, argv);
        ToolCommand const* const command = take_command(description, words);
        code = command == nullptr ? run_without_command(description, words)
                                  : run_command(description, *command, words);
        flush_stdout();
    });
    if (failure) {
        log_failure(failure);
        return static_cast<int>(failure.code);
    }
    return static_cast<int>(code);
}

}  // namespace ctclip
