/// Where loading time goes, and whether loading is what a run waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace ctclip {

/// Seconds that loading threads spent, summed over threads.
struct StageTimes {
    double read_s = 0.0;        ///< storage and checksums
    double preprocess_s = 0.0;  ///< stored volume -> model input
    double text_s = 0.0;        ///< report -> tokens
    std::int64_t num_samples = 0;
    std::uint64_t bytes_read = 0;

    StageTimes& operator+=(StageTimes const& other);
    StageTimes operator-(StageTimes const& earlier) const;
    double busy_s() const { return read_s + preprocess_s + text_s; }
    /// "reading", "preprocessing" or "tokenizing": what a starved run should look at first.
    std::string_view slowest_stage() const;
};

class Stopwatch {
  public:
    /// Seconds since construction or the last lap.
    double lap_s() {
        auto const now = std::chrono::steady_clock::now();
        std::chrono::duration<double> const lap = now - start_;
        start_ = now;
        return lap.count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ctclip
