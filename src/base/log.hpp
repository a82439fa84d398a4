/// Log lines for people, on stderr: `2026-11-25 23:30:01 [rank 3] warning: ...`. Records for machines go elsewhere
/// (JSON lines to a file or stdout). Never log patient text (report text, or study ids of failing samples unless
/// the user asked for the file by name).
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace ctclip {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Sets what is shown (default: kInfo) and the rank shown in front (negative: none, for tools and single ranks).
void set_log_level(LogLevel level);
void set_log_rank(int rank);

void log_line(LogLevel level, std::string_view line);

/// A progress bar stands on the terminal's last line: the next log line wipes it out first.
void mark_open_line();

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ctclip
