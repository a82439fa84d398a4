#include "train/trace_window.hpp"

#include <utility>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"
#include "base/trace.hpp"

namespace ctclip {

TraceWindow::TraceWindow(std::int64_t num_steps, std::filesystem::path folder, int rank)
    : num_steps_(num_steps),
      folder_(std::move(folder)),
      rank_(rank),
      state_(num_steps > 0 ? State::kWaiting : State::kDone) {}

void TraceWindow::before_step(std::int64_t num_left) {
    bool const is_warm = num_seen_ > 0 || num_left == 1;
    if (state_ == State::kWaiting && is_warm) {
        state_ = State::kRecording;
        name_trace_thread("training");
        start_trace();
    }
}

void TraceWindow::after_step() {
    ++num_seen_;
    if (state_ == State::kRecording && ++num_recorded_ == num_steps_) {
        finish();
    }
}

void TraceWindow::finish() {
    if (std::exchange(state_, State::kDone) != State::kRecording) {
        return;
    }
    std::filesystem::path const path = folder_ / fmt::format("trace-rank{}.json", rank_);
    try {
        write_durably(path, stop_trace(rank_, fmt::format("rank {} on {}", rank_, host_name())),
                      IfExists::kReplace);
    } catch (Error const& error) {
        log_warning("the trace of rank {} is lost: {}. Training goes on", rank_, error.what());
        return;
    }
    if (rank_ == 0) {
        log_info("trace of {} steps: {} (open it in ui.perfetto.dev or chrome://tracing)", num_recorded_,
                 path.string());
    }
}

}  // namespace ctclip
