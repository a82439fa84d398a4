/// A training run from its configuration to its last checkpoint.
#pragma once

#include <ATen/ATen.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/clip_model.hpp"
#include "model/device_loader.hpp"
#include "optim/gradient_sync.hpp"
#include "optim/optimizer.hpp"
#include "train/bad_sample_budget.hpp"
#include "train/last_save.hpp"
#include "train/overflow_forensics.hpp"
#include "train/run_folder.hpp"
#include "train/run_inputs.hpp"
#include "train/run_metrics.hpp"
#include "train/step_settlement.hpp"
#include "train/trace_window.hpp"
#include "train/train_step.hpp"
#include "train/train_world.hpp"
#include "train/validator.hpp"

namespace ctclip {

class Trainer {
  public:
    /// Reads the inputs and makes the model. Nothing is written yet.
    /// @throws Error kBadConfig, kBadInput as open_run_inputs.
    Trainer(TrainOptions options, std::string config_yaml, TrainWorld const& world);

    /// Collective. Logs what the run would be (device, sizes, precision, memory, steps) and where it would go on, after
    /// checks that the constructor has not made: run folder, free space, checkpoint to resume from, memory of the
    /// hosts. Writes nothing.
    /// @throws Error kCannotCreate, kNoPermission, kBadConfig, kBadInput: what run() would throw, or run into.
    void dry_run() const;

    /// Collective. From the newest valid checkpoint of the run folder, or from the beginning, to the last
    /// step.
    /// @param stop_requested  asked on every rank after every step and before every batch of a validation; when any
    /// rank says yes, all save. A validation that was cut short is made up for by the next start.
    /// @throws Stopped then; and Error kInternal when training gets nowhere
    /// (LossScalerOptions::max_consecutive_skips).
    void run(std::function<bool()> const& stop_requested);

    /// Of the model, as it is now.
    ParameterSet const& parameters() const { return parameters_; }

  private:
    std::unique_ptr<DeviceLoader> open_loader(SamplerState const& start, LoaderOptions const& options) const;
    void log_description() const;
    void begin();
    CheckpointInfo checkpoint_info() const;
    /// Says where run() would begin. @throws Error where it would not. On rank 0.
    void check_resume() const;
    void train(std::function<bool()> const& stop_requested);
    void take_step();
    /// Validates and saves where that is due. @throws Stopped, everything saved, once `is_stopping` says so.
    void end_step(std::function<bool()> const& is_stopping);
    /// @returns whether the model is the best so far. RunMetrics knows whether it was cut short.
    bool validate(std::function<bool()> const& is_stopping);
    /// The last one of this step was cut short.
    bool is_validation_owed() const;
    void require_equal_replicas() const;
    void save();
    bool is_time_up() const;
    double epoch() const;

    TrainOptions options_;
    std::string config_yaml_;
    TrainWorld world_;
    RunInputs inputs_;
    ParameterSet parameters_;
    ClipModel model_;
    Optimizer optimizer_;
    GradientSync gradient_sync_;
    TrainStep train_step_;
    OverflowForensics forensics_;
    TraceWindow trace_;

    std::unique_ptr<RunFolder> folder_;  // rank 0
    std::optional<LastSave> last_save_;  // once the run has begun
    std::unique_ptr<DeviceLoader> loader_;
    std::unique_ptr<StepSettlement> settlement_;  // once the run has begun
    std::unique_ptr<Validator> validator_;
    SamplerState sampler_;
    std::int64_t step_ = 0;        // launched
    std::int64_t first_step_ = 0;  // of this start
    std::optional<std::int64_t> saved_step_;
    RunMetrics metrics_;
    BadSampleBudget bad_samples_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ctclip
