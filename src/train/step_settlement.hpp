/// What the host makes of a step once it is done: log, metrics, an explanation of a skip, an end where training gets
/// nowhere. That is one step late, so that the host never waits for the step under way.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "model/device_loader.hpp"
#include "optim/host_copy.hpp"
#include "train/last_save.hpp"
#include "train/overflow_forensics.hpp"
#include "train/peak_rate.hpp"
#include "train/run_folder.hpp"
#include "train/run_inputs.hpp"
#include "train/run_metrics.hpp"
#include "train/step_report.hpp"
#include "train/train_step.hpp"
#include "train/train_world.hpp"
#include "train/training_guard.hpp"

namespace ctclip {

/// A step that was launched; the host does not know yet how it went.
struct PendingStep {
    std::int64_t step = 0;  ///< from 1
    double epoch = 0.0;     ///< after it
    StepResult result;
    HostCopy loss;                                       ///< the result's
    std::chrono::steady_clock::time_point begun;         ///< when its data was asked for
    double launch_s = 0.0;                               ///< from there until all of it was launched
    SamplerState before;                                 ///< where its batches begin
    std::vector<std::vector<std::int64_t>> row_indices;  ///< of each micro-batch, in the dataset
    double flops = 0.0;                                  ///< of this rank's micro-batches
};

class StepSettlement {
  public:
    /// What a step is looked at with; all outlive this object.
    struct Sources {
        TrainOptions const& options;
        RunInputs const& inputs;
        TrainWorld const& world;
        OverflowForensics const& forensics;
        BatchLoader const& loader;  ///< for its times
        /// Over the run's training set.
        std::function<std::unique_ptr<DeviceLoader>(SamplerState const& start, LoaderOptions const&)> open_loader;
        RunMetrics& metrics;  ///< learns of every step
        RunFolder* folder;    ///< of rank 0; null on others
        LastSave const& last_save;
        PeakRate peak;
    };
    /// @param first_step  steps that are done.
    StepSettlement(Sources const& sources, std::int64_t first_step);

    /// The step that was launched last. The one before is settled.
    void expect(PendingStep launched) { pending_ = std::move(launched); }

    /// Collective. Waits for the step that is expected, if any.
    /// @throws Error kInternal, kBadInput on every rank when training gets nowhere (TrainingGuard).
    void settle();

    /// The run has done its last step.
    void end() { reporter_.end(); }

  private:
    StepFacts look_at(PendingStep const& step, StepReport const& report);
    double duration_s(PendingStep const& step);
    Finding explain(PendingStep const& step) const;

    Sources sources_;
    TrainingGuard guard_;
    StepReporter reporter_;
    std::optional<PendingStep> pending_;
    std::chrono::steady_clock::time_point settled_at_;  // when the step before was seen to be done
};

}  // namespace ctclip
