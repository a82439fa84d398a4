/// Running another of our programs and waiting for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ctclip {

/// The folder of the running program, where its siblings are.
std::filesystem::path program_folder();

/// Runs words[0] (searched in PATH if it has no '/') with both its outputs appended to `log`, and waits for it.
/// Signals that ask for a stop (base/stop_signal.hpp) are passed on to it meanwhile; the child starts with this
/// thread's signal mask. Call it while no other thread of the process takes signals.
/// @returns its exit code; 128 + n if signal n ended it.
/// @throws Error kUnavailable if it cannot be started, kCannotCreate if the log cannot be opened.
int run_and_wait(std::vector<std::string> const& words, std::filesystem::path const& log);

}  // namespace ctclip
