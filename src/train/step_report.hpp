/// Says how a run goes: a readable line now and then, a bar on a terminal, and a record per step for
/// metrics.jsonl.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "base/progress.hpp"
#include "loader/loader_statistics.hpp"
#include "optim/optimizer.hpp"
#include "train/step_timer.hpp"
#include "train/train_options.hpp"

namespace ctclip {

/// One finished step, in numbers.
struct StepFacts {
    std::int64_t step = 0;  ///< finished, from 1
    double epoch = 0.0;
    double loss = 0.0;
    StepReport report;
    StepTimer timer;
    double step_s = 0.0;
    std::int64_t num_volumes = 0;  ///< over all ranks
};

/// An object of spec/interface.md's metrics.jsonl, with the time of each part and the peak memory besides.
nlohmann::ordered_json to_record(StepFacts const& facts);

class StepReporter {
  public:
    StepReporter(LoggingOptions const& options, std::int64_t max_steps);

    /// Before the first step of this start.
    void begin(std::int64_t first_step);
    /// On rank 0. @param stages  of the loader so far: what to blame when steps wait for data.
    void report(StepFacts const& facts, StageTimes const& stages);
    void end();

  private:
    void say(StepFacts const& facts) const;
    void warn_when_starved(StageTimes const& stages);

    LoggingOptions options_;
    std::int64_t max_steps_;
    std::optional<Progress> bar_;
    std::int64_t num_steps_ = 0;  // since the last line
    double step_s_ = 0.0;         // likewise
    double data_s_ = 0.0;
    bool has_warned_ = false;
};

}  // namespace ctclip
