/// What every thread of this process was doing when, for a timeline in Perfetto or Chrome.
///
/// Work is marked by TraceScope wherever it happens. While no trace runs a mark costs one load of a flag; while
/// one runs, two looks at the clock and a line in a buffer of the thread's own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace ctclip {

using TraceClock = std::chrono::steady_clock;
/// Shown with a slice: which bucket, which step.
using TraceNumber = std::optional<std::int64_t>;

namespace trace_internal {
extern std::atomic<bool> is_on;
}

inline bool trace_is_on() noexcept {
    return trace_internal::is_on.load(std::memory_order_relaxed);
}

/// How the calling thread is called in traces, from now on.
void name_trace_thread(std::string name);

/// From now on marks are kept; those of an earlier trace are forgotten. One trace at a time in a process.
void start_trace();

/// Ends it. Work that is still going on is left out. Returns the trace as JSON of the Trace Event Format (an object
/// with `traceEvents`; times in microseconds since start_trace()).
/// @param process_id    the rank, so that the traces of several ranks can be laid side by side
/// @param process_name  "rank 0 on node17"
std::string stop_trace(int process_id, std::string const& process_name);

/// A finished piece of work of the calling thread. It may hold others and lie within others, but not cut them.
/// @param name  a literal: only the pointer is kept.
void add_trace_slice(char const* name, TraceClock::time_point begin, TraceClock::time_point end,
                     TraceNumber number = {});

/// Something that went on beside the threads' work, such as a message under way: on a track of its own, where it may
/// overlap others.
void add_trace_flight(char const* name, TraceClock::time_point begin, TraceClock::time_point end,
                      TraceNumber number = {});

/// The work from here to the end of the block.
class TraceScope {
  public:
    explicit TraceScope(char const* name, TraceNumber number = {}) noexcept : name_(name), number_(number) {
        if (trace_is_on()) {
            begin_ = TraceClock::now();
        }
    }
    TraceScope(TraceScope const&) = delete;
    TraceScope& operator=(TraceScope const&) = delete;
    ~TraceScope() {
        if (begin_) {
            add_trace_slice(name_, *begin_, TraceClock::now(), number_);
        }
    }

  private:
    char const* name_;
    TraceNumber number_;
    std::optional<TraceClock::time_point> begin_;
};

}  // namespace ctclip
