/// What jobs and tools have in common: --help, --version, -q, -v, output to stdout, exceptions -> exit codes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/exit_code.hpp"
#include "base/progress.hpp"
#include "config/command_line.hpp"
#include "config/schema.hpp"

namespace ctclip {

struct ProgramOptions {
    bool wants_help = false;
    bool wants_version = false;
    bool wants_json = false;
    bool is_quiet = false;
    bool is_verbose = false;

    void bind(Schema& schema, std::string const& json_help);
    void apply_to_log() const;
    ProgressStyle progress_style() const;
};

/// The words after the program name.
std::vector<std::string> words_of(int argc, char** argv);

/// The reader of stdout has gone (`| head`): no failure, the program just ends.
struct OutputClosed {};
/// @throws OutputClosed, Error kIoError. Buffered: flush_stdout() reports what only then goes wrong.
void write_stdout(std::string_view text);
void flush_stdout();

/// --help and --version, if one was asked for. Returns whether the program is done.
bool answer_questions(ProgramOptions const& options, HelpText const& text, Schema const& schema,
                      Schema const& shared_options);

struct Failure {
    ExitCode code = ExitCode::kDone;
    std::string text;
    bool is_stop = false;  ///< stopped on request, everything saved

    explicit operator bool() const noexcept { return code != ExitCode::kDone; }
};
/// Runs `action`; an exception that leaves it becomes a Failure.
Failure failure_of(std::function<void()> const& action);
/// As an error, or as a plain warning for a requested stop.
void log_failure(Failure const& failure);

}  // namespace ctclip
