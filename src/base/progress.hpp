/// How far a long piece of work is: a bar with rate and remaining time on a terminal, one plain line every 30
/// s elsewhere (batch logs grow by what is worth reading). On stderr; colour unless NO_COLOR is set.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace ctclip {

enum class ProgressStyle {
    kSilent,  ///< nothing: ranks other than 0, -q
    kLines,
    kBar,
};
/// kBar when stderr is a terminal, otherwise kLines.
ProgressStyle progress_style_of_stderr();

class Progress {
  public:
    /// @param what   "convert"
    /// @param unit   plural: "volumes"
    /// @param total  units in all; 0 when unknown (then without bar and remaining time)
    Progress(std::string what, std::string unit, std::int64_t total, ProgressStyle style,
             std::chrono::milliseconds line_interval = std::chrono::seconds(30));
    Progress(Progress&&) noexcept;
    Progress& operator=(Progress&&) = delete;
    ~Progress();  ///< clears an unfinished bar

    /// Thread-safe.
    void advance(std::int64_t count = 1);
    /// Units that an earlier run has done: they count as done, not for the rate. Before the first advance().
    void resume_at(std::int64_t done);
    /// Free text shown behind the numbers ("loss 2.31"). Thread-safe.
    void set_detail(std::string detail);
    /// The last line, with the whole time and rate.
    void finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// "42 s", "3 min 20 s", "2 h 05 min"
std::string format_duration(std::chrono::duration<double> duration);

}  // namespace ctclip
