/// Says how a run goes: a readable line now and then, a bar on a terminal, and a record per step for
/// metrics.jsonl.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

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
    std::optional<double> sync_hidden_share;  ///< GradientSync::hidden_share()
    std::int64_t num_volumes = 0;  ///< over all ranks
    double flops = 0.0;            ///< that the mathematics needs, of this rank (model/flop_count.hpp)
    double peak_flops_per_s = 0.0; ///< of this rank (train/peak_rate.hpp)
    std::optional<std::int64_t> peak_device_memory_bytes;  ///< where the device has memory of its own
};

/// A line of metrics.jsonl: besides loss and rates the time of each part in seconds (`data_s`) and as a share of the
/// step (`data_share`), the share of the gradients' travel that backward hides, memory, and model FLOP utilisation.
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
    /// Sums over the steps since the last line.
    struct Window {
        std::int64_t num_steps = 0;
        double step_s = 0.0;
        std::array<double, kStepPartNames.size()> part_s{};
        double flops = 0.0;
        double hidden_shares = 0.0;
        bool has_hidden_shares = false;
        std::int64_t num_volumes = 0;

        void add(StepFacts const& facts);
        double share(StepPart part) const { return part_s[static_cast<std::size_t>(part)] / step_s; }
        std::string shares() const;
        std::string hidden() const;  ///< " (72 % hidden)"; empty with one rank
        double volumes_per_s() const { return static_cast<double>(num_volumes) / step_s; }
    };

    void say(StepFacts const& facts) const;
    void warn_when_starved(StageTimes const& stages);

    LoggingOptions options_;
    std::int64_t max_steps_;
    std::optional<Progress> bar_;
    Window window_;
    StageTimes stages_at_last_line_;
    bool has_warned_ = false;
};

}  // namespace ctclip
