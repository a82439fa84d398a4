/// Everything a training run is told, part by part: the keys of the Python base_config.yaml
/// with their meaning, and our own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/schema.hpp"
#include "loader/data_options.hpp"
#include "loss/contrastive_loss.hpp"
#include "model/device_options.hpp"
#include "model/model_settings.hpp"
#include "model/precision_policy.hpp"
#include "model/recompute.hpp"
#include "optim/optimizer_options.hpp"

namespace ctclip {

struct ExperimentOptions {
    std::string name = "ct-clip-baseline";
    std::vector<std::string> tags;
    std::int64_t seed = 2025;
    std::string notes;
};

struct TrainingOptions {
    ComputeType precision = ComputeType::kHalf;
    OptimizerOptions optimizer;  ///< its lr_schedule gets its step counts from make_step_plan
    std::vector<double> betas = {0.9, 0.99};
    std::optional<std::int64_t> max_steps =
        10000;  ///< optimizer steps, skipped ones included; wins over max_epochs
    std::optional<double> max_epochs;
    std::optional<std::int64_t> warmup_steps = 1000;  ///< wins over warmup_epochs
    std::optional<double> warmup_epochs;
    std::int64_t gradient_accumulation_steps = 1;
    std::int64_t grad_cache_chunks = 1;  ///< pieces in which a batch is computed, and contrasted as a whole
    Recompute recompute = Recompute::kNone;
    std::int64_t replica_check_steps = 100;  ///< 0: only before a checkpoint
    double hang_timeout_s = 20.0;            ///< without progress on any rank; 0: wait for ever
    double stall_timeout_s = 1800.0;         ///< of what may take long: start, first step, data, validation, saving
    std::int64_t codebook_window = 100;      ///< steps over which used codes are counted
    double codebook_min_share = 0.01;        ///< of the codes; fewer in a window are named a collapse
    std::optional<std::int64_t> save_every_n_steps = 1000;  ///< wins over save_every_n_epochs
    std::optional<double> save_every_n_epochs;
    std::optional<double> max_seconds;  ///< stop with a checkpoint (exit 75) once the job has run this long
};

/// `model.clip.{negatives,decoupled}`; the loss type is the model's.
struct ContrastOptions {
    Negatives negatives = Negatives::kGlobal;
    bool is_decoupled = false;

    LossOptions loss(LossType type) const;
};

struct ValidationOptions {
    std::optional<std::int64_t> eval_every_n_steps = 1000;  ///< wins over eval_every_n_epochs
    std::optional<double> eval_every_n_epochs;
    std::optional<std::int64_t> eval_samples = 200;  ///< null: all
    std::vector<std::string> metrics = {"auroc", "auprc", "f1", "precision", "recall"};
    bool use_bootstrap = false;
    double threshold = 0.5;
};

struct CheckpointOptions {
    std::filesystem::path save_dir;  ///< empty: <run.dir>/checkpoints
    std::int64_t keep_last_n = 3;
    bool save_best = true;
    std::string best_metric = "auroc";
    std::string best_metric_mode = "max";
};

struct LoggingOptions {
    bool use_tensorboard = true;
    bool use_console = true;
    std::int64_t log_every_n_steps = 10;  ///< console lines; metrics.jsonl has every step
};

struct RunOptions {
    std::filesystem::path dir;
    std::optional<double> peak_tflops;  ///< of one rank, for model FLOP utilisation; null: measured
};

struct TrainOptions {
    ExperimentOptions experiment;
    DataOptions data;
    ModelSettings model;
    ContrastOptions contrast;
    TrainingOptions training;
    ValidationOptions validation;
    CheckpointOptions checkpoint;
    LoggingOptions logging;
    DeviceOptions device;
    RunOptions run;
    bool from_scratch = false;    ///< refuse a run folder that is not empty instead of resuming
    bool not_exact = false;       ///< resume although the result will differ from the unbroken run's
    std::int64_t profile_steps = 0;  ///< to trace; 0: none
    bool dump_precision = false;  ///< print the precision of every operation, and end

    void bind(Schema& schema);
};

/// The counts that depend on the size of an epoch, settled once.
struct StepPlan {
    std::int64_t steps_per_epoch = 0;
    std::int64_t max_steps = 0;
    std::int64_t warmup_steps = 0;
    std::int64_t save_every_n_steps = 0;  ///< 0: only at the end
    std::int64_t eval_every_n_steps = 0;  ///< 0: never
};

/// @param num_samples   in the training set.
/// @param global_batch  samples of one optimizer step over all ranks.
/// @throws Error kBadConfig when an epoch has no full step, or neither max_steps nor max_epochs is set.
StepPlan make_step_plan(TrainOptions const& options, std::int64_t num_samples, std::int64_t global_batch);

}  // namespace ctclip
