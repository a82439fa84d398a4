/// `ctclip-train --profile N`: a trace of N steps of each rank, to be looked at in Perfetto or Chrome.
#pragma once

#include <cstdint>
#include <filesystem>

namespace ctclip {

/// The steps after the first of a start: the first one also pays for memory that the later ones find ready. Ends with
/// its N steps or with the run, whichever is first.
class TraceWindow {
  public:
    /// @param num_steps  0: no trace, and every call does nothing.
    /// @param folder     gets `trace-rank<rank>.json`; exists by the time the trace ends.
    TraceWindow(std::int64_t num_steps, std::filesystem::path folder, int rank);

    /// @param num_left  steps of the run that are not done, this one included.
    void before_step(std::int64_t num_left);
    void after_step();
    /// The run ends: a trace that has begun is written as it is. A file that cannot be written is a warning.
    void finish();

  private:
    enum class State { kWaiting, kRecording, kDone };

    std::int64_t num_steps_;
    std::filesystem::path folder_;
    int rank_;
    State state_;
    std::int64_t num_seen_ = 0;      // steps of this start
    std::int64_t num_recorded_ = 0;
};

}  // namespace ctclip
