#include "base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>

namespace ctclip {
namespace {

std::atomic<bool> has_open_line = false;

spdlog::logger& logger() {
    static auto const instance = [] {
        auto made = spdlog::stderr_color_mt("ctclip");
        made->set_pattern("%Y-%m-%d %H:%M:%S %^%l%$: %v");
        made->flush_on(spdlog::level::trace);  // batch logs are read while the job runs
        return made;
    }();
    return *instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }

void set_log_rank(int rank) {
    logger().set_pattern(rank < 0 ? std::string("%Y-%m-%d %H:%M:%S %^%l%$: %v")
                                  : fmt::format("%Y-%m-%d %H:%M:%S [rank {}] %^%l%$: %v", rank));
}

void mark_open_line() {
    has_open_line = true;
}

void log_line(LogLevel level, std::string_view line) {
    if (has_open_line.exchange(false)) {
        std::fputs("\r\x1b[K", stderr);
    }
    logger().log(to_spdlog(level), "{}", line);
}

}  // namespace ctclip
