#include "base/stop_signal.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <ctime>

namespace ctclip {
namespace {

constexpr int kStopSignals[] = {SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2};

std::atomic<int> first_signal = 0;
/// When each signal came first; 0: not yet.
std::array<std::atomic<std::int64_t>, NSIG> first_times_ms;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free,
              "a signal handler may touch lock-free atomics only");

std::int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);  // async-signal-safe
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

/// @return the time of the first such signal if this is another; else 0.
std::int64_t note(int signal_number) {
    int none = 0;
    first_signal.compare_exchange_strong(none, signal_number);
    std::int64_t before_ms = 0;
    first_times_ms[static_cast<std::size_t>(signal_number)].compare_exchange_strong(before_ms, now_ms());
    return before_ms;
}

void on_stop_signal(int signal_number) {
    std::int64_t const before_ms = note(signal_number);
    bool const may_insist = signal_number == SIGTERM || signal_number == SIGINT;
    if (may_insist && before_ms != 0 && now_ms() - before_ms >= 1000) {
        static constexpr char kText[] =
            "second stop signal: ending at once, the last saved state is intact\n";
        [[maybe_unused]] ssize_t const written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
        ::_exit(static_cast<int>(ExitCode::kTryAgain));
    }
}

}  // namespace

void install_stop_signals() {
    struct sigaction action {};
    action.sa_handler = on_stop_signal;
    action.sa_flags = SA_RESTART;
    for (int const signal_number : kStopSignals) {
        if (!is_under_nohup(signal_number)) {
            ::sigaction(signal_number, &action, nullptr);
        }
    }
    std::signal(SIGPIPE, SIG_IGN);
}

std::span<int const> stop_signals() noexcept {
    return kStopSignals;
}

bool is_under_nohup(int signal_number) noexcept {
    struct sigaction current {};
    ::sigaction(signal_number, nullptr, &current);
    return signal_number == SIGHUP && current.sa_handler == SIG_IGN;
}

bool stop_requested() noexcept {
    return first_signal != 0;
}

std::string stop_signal_name() {
    switch (first_signal) {
        case 0:
            return "";
        case SIGTERM:
            return "SIGTERM";
        case SIGINT:
            return "SIGINT";
        case SIGHUP:
            return "SIGHUP";
        case SIGXCPU:
            return "SIGXCPU";
        case SIGUSR1:
            return "SIGUSR1";
        case SIGUSR2:
            return "SIGUSR2";
        default:
            return fmt::format("signal {}", first_signal.load());
    }
}

void set_stop_signal(int signal_number) noexcept {
    first_signal = 0;
    for (std::atomic<std::int64_t>& time_ms : first_times_ms) {
        time_ms = 0;
    }
    if (signal_number != 0) {
        note(signal_number);
    }
}

}  // namespace ctclip
