#include "jobs/program_frame.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/build_info.hpp"
#include "base/byte_units.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"
#include "base/stop_signal.hpp"

namespace ctclip {
namespace {

[[noreturn]] void fail_output() {
    if (errno == EPIPE) {
        throw OutputClosed();
    }
    fail_errno(ExitCode::kIoError, "cannot write to stdout", errno);
}

/// LibTorch, cuBLAS and CUDA tell of it in words alone: their exceptions are of types that only programs with
/// LibTorch know.
bool tells_of_too_little_memory(std::string_view text) {
    static constexpr std::string_view kWords[] = {"out of memory", "can't allocate memory",
                                                  "CUBLAS_STATUS_ALLOC_FAILED"};
    return std::ranges::any_of(kWords, [text](std::string_view words) { return text.find(words) != text.npos; });
}

Failure out_of_memory(std::string_view cause) {
    return {ExitCode::kTryAgain,
            fmt::format("out of memory: {} ({:.1f} GiB of the host's memory used at most). Compute less at a time "
                        "(data.batch_size or evaluate.batch_size, training.recompute=layers, "
                        "training.grad_cache_chunks), load less ahead (num_workers, data.prefetch_factor), start fewer "
                        "ranks on a host, or ask for more memory; what was saved is intact.",
                        cause.substr(0, cause.find('\n')),
                        static_cast<double>(peak_memory_bytes()) / kBytesPerGiB),
            false};
}

ExitCode exit_code_of(std::filesystem::filesystem_error const& error) {
    return error.code() == std::errc::permission_denied || error.code() == std::errc::operation_not_permitted
               ? ExitCode::kNoPermission
               : ExitCode::kIoError;
}

}  // namespace

void ProgramOptions::bind(Schema& schema, std::string const& json_help) {
    schema.option("--help", wants_help, "this page").flag("--help", {"-h"});
    schema.option("--version", wants_version, "version, build and libraries");
    schema.option("--json", wants_json, json_help);
    schema.option("--quiet", is_quiet, "warnings and errors only").flag("--quiet", {"-q"});
    schema.option("--verbose", is_verbose, "more log lines").flag("--verbose", {"-v"});
}

void ProgramOptions::apply_to_log() const {
    set_log_level(is_quiet ? LogLevel::kWarning : is_verbose ? LogLevel::kDebug : LogLevel::kInfo);
}

ProgressStyle ProgramOptions::progress_style() const {
    return is_quiet ? ProgressStyle::kSilent : progress_style_of_stderr();
}

std::vector<std::string> words_of(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error code, not the end of the process
    return argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>();
}

void write_stdout(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
        fail_output();
    }
}

void flush_stdout() {
    if (std::fflush(stdout) != 0) {
        fail_output();
    }
}

bool answer_questions(ProgramOptions const& options, HelpText const& text, Schema const& schema,
                      Schema const& shared_options) {
    if (options.wants_help) {
        write_stdout(help_page(text, schema, shared_options));
    } else if (options.wants_version && options.wants_json) {
        write_stdout(build_info_json(text.program).dump(2) + "\n");
    } else if (options.wants_version) {
        write_stdout(build_info_text(text.program));
    }
    flush_stdout();
    return options.wants_help || options.wants_version;
}

Failure failure_of(std::function<void()> const& action) {
    try {
        action();
        return {};
    } catch (OutputClosed const&) {
        return {};
    } catch (Stopped const& stopped) {
        return {stopped.code(), stopped.what(), true};
    } catch (Error const& error) {
        return {error.code(), error.what(), false};
    } catch (std::bad_alloc const&) {
        return out_of_memory("the system gives no more");
    } catch (std::filesystem::filesystem_error const& error) {
        return {exit_code_of(error), error.what(), false};
    } catch (std::exception const& error) {
        if (tells_of_too_little_memory(error.what())) {
            return out_of_memory(error.what());
        }
        return {ExitCode::kInternal, fmt::format("internal error: {}", error.what()), false};
    }
}

void log_failure(Failure const& failure) {
    if (failure.is_stop) {
        log_warning("{}", failure.text);
    } else {
        log_error("{}", failure.text);
    }
}

}  // namespace ctclip
