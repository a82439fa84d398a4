#include "base/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "base/log.hpp"

namespace ctclip {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBarInterval{100};
constexpr std::size_t kBarWidth = 28;
constexpr std::string_view kClearLine = "\r\x1b[K";

void put(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

std::string bar_of(double fraction) {
    auto const filled = static_cast<std::size_t>(fraction * kBarWidth);
    bool const has_colour = std::getenv("NO_COLOR") == nullptr;
    return fmt::format("{}{}{}{}", has_colour ? "\x1b[32m" : "", std::string(filled, '#'),
                       has_colour ? "\x1b[0m" : "", std::string(kBarWidth - filled, '.'));
}

}  // namespace

struct Progress::State {
    std::string what;
    std::string unit;
    std::int64_t total = 0;
    ProgressStyle style = ProgressStyle::kSilent;
    std::chrono::milliseconds line_interval;

    std::mutex mutex;
    std::string detail;
    std::int64_t done = 0;
    std::int64_t done_before = 0;
    Clock::time_point start = Clock::now();
    Clock::time_point last_shown = Clock::now();
    bool is_bar_visible = false;

    double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
    double rate_per_s() const {
        double const elapsed_s = seconds();
        return elapsed_s > 0 ? static_cast<double>(done - done_before) / elapsed_s : 0.0;
    }
    std::string counts() const {
        return total > 0 ? fmt::format("{}/{} {}", done, total, unit) : fmt::format("{} {}", done, unit);
    }
    std::string remaining() const {
        if (total <= 0 || done <= done_before) {
            return "";
        }
        double const left_s = static_cast<double>(total - done) / rate_per_s();
        return ", " + format_duration(std::chrono::duration<double>(left_s)) + " left";
    }
    std::string numbers() const {
        return fmt::format("{}, {:.3g} {}/s{}{}{}", counts(), rate_per_s(), unit, remaining(),
                           detail.empty() ? "" : ", ", detail);
    }

    void show_if_due() {
        auto const interval = style == ProgressStyle::kBar ? kBarInterval : line_interval;
        if (style == ProgressStyle::kSilent || Clock::now() - last_shown < interval) {
            return;
        }
        last_shown = Clock::now();
        if (style == ProgressStyle::kLines) {
            log_info("{}: {}", what, numbers());
            return;
        }
        double const fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0.0;
        put(total > 0 ? fmt::format("{}{} [{}] {:3.0f}% {}", kClearLine, what, bar_of(fraction),
                                    100 * fraction, numbers())
                      : fmt::format("{}{} {}", kClearLine, what, numbers()));
        is_bar_visible = true;
        mark_open_line();
    }

    void clear_bar() {
        if (is_bar_visible) {
            put(kClearLine);
            is_bar_visible = false;
        }
    }
};

ProgressStyle progress_style_of_stderr() {
    return ::isatty(STDERR_FILENO) == 1 ? ProgressStyle::kBar : ProgressStyle::kLines;
}

Progress::Progress(std::string what, std::string unit, std::int64_t total, ProgressStyle style,
                   std::chrono::milliseconds line_interval)
    : state_(std::make_unique<State>()) {
    state_->what = std::move(what);
    state_->unit = std::move(unit);
    state_->total = total;
    state_->style = style;
    state_->line_interval = line_interval;
}

Progress::Progress(Progress&&) noexcept = default;

Progress::~Progress() {
    if (state_) {
        state_->clear_bar();
    }
}

void Progress::advance(std::int64_t count) {
    std::lock_guard const lock(state_->mutex);
    state_->done += count;
    state_->show_if_due();
}

void Progress::resume_at(std::int64_t done) {
    std::lock_guard const lock(state_->mutex);
    state_->done = done;
    state_->done_before = done;
}

void Progress::set_detail(std::string detail) {
    std::lock_guard const lock(state_->mutex);
    state_->detail = std::move(detail);
}

void Progress::finish() {
    std::lock_guard const lock(state_->mutex);
    state_->clear_bar();
    if (state_->style != ProgressStyle::kSilent) {
        log_info("{}: {} in {}, {:.3g} {}/s{}{}", state_->what, state_->counts(),
                 format_duration(std::chrono::duration<double>(state_->seconds())), state_->rate_per_s(),
                 state_->unit, state_->detail.empty() ? "" : ", ", state_->detail);
    }
}

std::string format_duration(std::chrono::duration<double> duration) {
    double const seconds = duration.count();
    if (seconds < 10) {
        return fmt::format("{:.1f} s", seconds);
    }
    auto const whole_s = static_cast<std::int64_t>(seconds + 0.5);
    if (whole_s < 60) {
        return fmt::format("{} s", whole_s);
    }
    if (whole_s < 3600) {
        return fmt::format("{} min {:02d} s", whole_s / 60, whole_s % 60);
    }
    return fmt::format("{} h {:02d} min", whole_s / 3600, whole_s % 3600 / 60);
}

}  // namespace ctclip
