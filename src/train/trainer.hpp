/// A training run from its configuration to its last checkpoint.
#pragma once

#include <ATen/ATen.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dist/communicator.hpp"
#include "model/clip_model.hpp"
#include "optim/gradient_sync.hpp"
#include "optim/optimizer.hpp"
#include "train/overflow_forensics.hpp"
#include "train/peak_rate.hpp"
#include "train/run_folder.hpp"
#include "train/run_inputs.hpp"
#include "train/step_report.hpp"
#include "train/trace_window.hpp"
#include "train/train_step.hpp"
#include "train/training_guard.hpp"
#include "train/validator.hpp"

namespace ctclip {

/// Where a run computes.
struct TrainWorld {
    Communicator& host;   ///< over host memory: control and scores
    Communicator& ranks;  ///< over the device's memory: gradients and latents
    at::Device device;
    std::string device_name;
    int num_threads = 1;  ///< of this rank
};

/// A step that was launched; the host does not know yet how it went.
struct PendingStep {
    std::int64_t step = 0;  ///< from 1
    double epoch = 0.0;     ///< after it
    StepResult result;
    std::chrono::steady_clock::time_point begun;         ///< when its data was asked for
    double launch_s = 0.0;                               ///< from there until all of it was launched
    SamplerState before;                                 ///< where its batches begin
    std::vector<std::vector<std::int64_t>> row_indices;  ///< of each micro-batch, in the dataset
    double flops = 0.0;                                  ///< of this rank's micro-batches
};

class Trainer {
  public:
    /// Reads the inputs and makes the model. Nothing is written yet.
    /// @throws Error kBadConfig, kBadInput as open_run_inputs.
    Trainer(TrainOptions options, std::string config_yaml, TrainWorld const& world);

    /// Logs what the run would be: device, sizes, precision, memory, steps.
    void dry_run() const;

    /// Collective. From the newest valid checkpoint of the run folder, or from the beginning, to the last
    /// step.
    /// @param stop_requested  asked on every rank at every step edge; when any rank says yes, all save and
    /// @throws Stopped; and Error kInternal when training gets nowhere
    /// (LossScalerOptions::max_consecutive_skips).
    void run(std::function<bool()> const& stop_requested);

    /// Of the model, as it is now.
    ParameterSet const& parameters() const { return parameters_; }

  private:
    std::vector<std::string> describe() const;
    void log_description() const;
    void begin();
    CheckpointInfo checkpoint_info() const;
    /// @throws Error kBadConfig naming each difference, unless --not-exact.
    void require_same_run(CheckpointInfo const& saved, std::string const& path) const;
    void load_initial_weights();
    void train(std::function<bool()> const& stop_requested);
    void take_step();
    /// Host's view of the step that was launched last: log, metrics, stop where training gets nowhere.
    void settle();
    double duration_s(PendingStep const& step);
    Finding explain(PendingStep const& step);
    void check_replicas();
    void validate();
    void save();
    bool is_time_up() const;
    nlohmann::ordered_json run_record() const;
    bool is_root() const { return world_.host.rank() == 0; }
    std::int64_t global_batch() const;
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
    TrainingGuard guard_;
    StepReporter reporter_;
    PeakRate peak_;
    TraceWindow trace_;

    std::unique_ptr<RunFolder> folder_;  // rank 0
    std::unique_ptr<BatchLoader> loader_;
    std::unique_ptr<Validator> validator_;
    SamplerState sampler_;
    std::int64_t step_ = 0;        // launched
    std::int64_t first_step_ = 0;  // of this start
    std::optional<PendingStep> pending_;
    std::chrono::steady_clock::time_point settled_at_;  // when the step before was seen to be done
    std::optional<std::int64_t> saved_step_;
    std::optional<std::int64_t> validated_step_;
    std::map<std::string, Scalar> metrics_;  // of the last step and validation, for the next checkpoint
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ctclip
