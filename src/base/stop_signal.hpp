/// Stop requests. SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGUSR1 and SIGUSR2 set a flag and nothing else; work
/// goes on to its next safe point, where the ranks agree to stop. The same SIGTERM or SIGINT again, a second
/// or more after its first and whatever came before, ends the process at once with code 75 (schedulers and
/// launchers often deliver one request twice).
#pragma once

#include <span>
#include <string>

#include "base/error.hpp"

namespace ctclip {

/// Installs the handlers, and ignores SIGPIPE. Call again after a library that takes signals for itself
/// (NCCL).
void install_stop_signals();

/// Those that ask for a stop, by number.
std::span<int const> stop_signals() noexcept;
/// SIGHUP that was ignored at the start, as `nohup` leaves it, stays ignored.
bool is_under_nohup(int signal_number) noexcept;

bool stop_requested() noexcept;
/// "SIGTERM", or "" while none has come.
std::string stop_signal_name();
/// As if `signal_number` had arrived, and nothing before. 0 clears the flag (tests).
void set_stop_signal(int signal_number) noexcept;

/// Thrown on every rank, once the ranks have agreed and everything is saved: exit code 75, "run the same
/// command again". Not an error to the reader of the log.
class Stopped : public Error {
  public:
    explicit Stopped(std::string const& message) : Error(ExitCode::kTryAgain, message) {}
};

}  // namespace ctclip
