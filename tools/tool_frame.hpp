/// What all tools share: subcommands, options, `--json`, exit codes. Data goes to stdout, logs to stderr.
///
///     struct LsOptions { std::filesystem::path file; };
///     int main(int argc, char** argv) {
///         return run_tool(argc, argv, {"ctclip-ckpt", "looks into checkpoints", {
///             make_command<LsOptions>("ls", "lists the tensors", {{"ctclip-ckpt ls model.safetensors",
///             "..."}},
///                 [](Schema& schema, LsOptions& options) {
///                     schema.positional("FILE", options.file, "checkpoint or weight file").required();
///                 },
///                 [](ToolContext& tool, LsOptions const& options) { ...; return ExitCode::kDone; })}});
///     }
#pragma once

#include <fmt/format.h>
#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/exit_code.hpp"
#include "base/progress.hpp"
#include "config/command_line.hpp"
#include "config/schema.hpp"

namespace ctclip {

class ToolContext {
  public:
    ToolContext(bool is_json, ProgressStyle progress_style)
        : is_json_(is_json), progress_style_(progress_style) {}

    /// `--json`: machine output instead of text.
    bool is_json() const noexcept { return is_json_; }
    /// Text to stdout. Ends the tool quietly (exit 0) when the reader has gone; kIoError when stdout cannot
    /// take it.
    void write(std::string_view text);
    template <class... Args>
    void print(fmt::format_string<Args...> format, Args&&... args) {
        write(fmt::format(format, std::forward<Args>(args)...));
    }
    /// One JSON value and a newline. The caller's objects carry a `schema` field: "ctclip.ckpt.ls/1".
    void write_json(nlohmann::json const& value);
    /// Binary data or text from stdin is the tool's own affair; progress goes to stderr.
    Progress progress(std::string what, std::string unit, std::int64_t total) const;

  private:
    bool is_json_;
    ProgressStyle progress_style_;
};

struct ToolCommand {
    std::string name;  ///< "" for a tool without subcommands (then its only command)
    std::string summary;
    std::vector<UsageExample> examples;
    std::function<void(Schema&)> bind;
    std::function<ExitCode(ToolContext&)> body;
};

/// A command whose options live as long as the command.
template <class Options>
ToolCommand make_command(std::string name, std::string summary, std::vector<UsageExample> examples,
                         std::function<void(Schema&, Options&)> bind,
                         std::function<ExitCode(ToolContext&, Options const&)> body) {
    auto const options = std::make_shared<Options>();
    return {std::move(name), std::move(summary), std::move(examples),
            [options, bind = std::move(bind)](Schema& schema) { bind(schema, *options); },
            [options, body = std::move(body)](ToolContext& tool) { return body(tool, *options); }};
}

struct ToolDescription {
    std::string name;
    std::string summary;
    std::vector<ToolCommand> commands;
};

/// Returns the exit code: what the body returned, or that of the Error it threw (printed on stderr).
int run_tool(int argc, char** argv, ToolDescription const& description);

}  // namespace ctclip
