/// Where loading time goes, and whether loading is what a run waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/trace.hpp"

namespace ctclip {

/// Seconds that loading threads spent, summed over threads.
struct StageTimes {
    double read_s = 0.0;        ///< storage
    double checksum_s = 0.0;    ///< CRC-32C of what was read
    double preprocess_s = 0.0;  ///< stored volume -> model input
    double text_s = 0.0;        ///< report -> tokens
    std::int64_t num_samples = 0;
    std::uint64_t bytes_read = 0;

    StageTimes& operator+=(StageTimes const& other);
    StageTimes operator-(StageTimes const& earlier) const;
    double busy_s() const { return read_s + checksum_s + preprocess_s + text_s; }
    /// What a starved run should look at first: "reading", "verifying checksums", "preprocessing" or "tokenizing".
    std::string_view slowest_stage() const;
    double slowest_stage_s() const;
};

/// Some steps of training, as far as data is concerned.
struct DataWait {
    std::int64_t num_steps = 0;
    double step_s = 0.0;
    double data_s = 0.0;  ///< of step_s: spent waiting for a batch
    StageTimes stages;    ///< what loading threads did meanwhile
};
/// What to tell a run that loading holds up: the stage to blame, and what helps there. Nothing if less than
/// 30 % of the time went into waiting.
std::optional<std::string> warning_about(DataWait const& wait);

class Stopwatch {
  public:
    /// Seconds since construction or the last lap. @param trace_name  the lap's name in a trace; null: none
    double lap_s(char const* trace_name = nullptr) {
        auto const now = std::chrono::steady_clock::now();
        if (trace_name != nullptr) {
            add_trace_slice(trace_name, start_, now);
        }
        std::chrono::duration<double> const lap = now - start_;
        start_ = now;
        return lap.count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ctclip
