#include "train/train_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "dist/pulse.hpp"
#include "evaluate/metric.hpp"

namespace ctclip {
namespace {

void bind_optimizer(Schema& schema, OptimizerOptions& optimizer) {
    LossScalerOptions& scaler = optimizer.loss_scaler;
    schema.key("training.loss_scale.initial", scaler.initial, "loss scale of the first step (fp16)")
        .positive()
        .max(std::numeric_limits<float>::max());
    schema.key("training.loss_scale.growth_factor", scaler.growth_factor, "growth of the loss scale")
        .above(1.0);
    schema.key("training.loss_scale.backoff_factor", scaler.backoff_factor, "shrinkage after an overflow")
        .positive()
        .below(1.0);
    schema
        .key("training.loss_scale.growth_interval", scaler.growth_interval,
             "overflow-free steps before the scale grows")
        .positive()
        .max(std::numeric_limits<std::int32_t>::max());
    schema.key("training.loss_scale.minimum", scaler.minimum, "the scale never falls below").min(0.0);
    schema
        .key("training.loss_scale.max_consecutive_skips", scaler.max_consecutive_skips,
             "skipped steps in a row after which the run stops with a diagnosis")
        .positive();
    schema.key("training.learning_rate", optimizer.lr_schedule.base_lr, "peak learning rate").positive();
    schema.choice("training.lr_schedule", optimizer.lr_schedule.kind,
                  {{"cosine", LrScheduleKind::kCosine}, {"constant", LrScheduleKind::kConstant}},
                  "learning rate after the warm-up");
    schema
        .key("training.min_lr_ratio", optimizer.lr_schedule.min_lr_ratio, "last learning rate over the peak")
        .min(0.0)
        .max(1.0);
    schema
        .key("training.weight_decay", optimizer.adamw.weight_decay,
             "decoupled, for parameters of 2 or more dimensions")
        .min(0.0);
    schema.key("training.eps", optimizer.adamw.eps, "AdamW's epsilon").positive();
    schema.key("training.max_grad_norm", optimizer.max_grad_norm, "clip the global gradient norm to this")
        .positive();
}

void bind_training(Schema& schema, TrainingOptions& training) {
    schema.choice(
        "training.mixed_precision", training.precision,
        {{"fp16", ComputeType::kHalf}, {"bf16", ComputeType::kBFloat16}, {"fp32", ComputeType::kFloat}},
        "compute type of the model; master weights stay fp32");
    bind_optimizer(schema, training.optimizer);
    schema.key("training.betas", training.betas, "AdamW's two decay rates").length(2).min(0.0).below(1.0);
    schema.key("training.max_steps", training.max_steps, "optimizer steps; wins over max_epochs").positive();
    schema.key("training.max_epochs", training.max_epochs, "epochs, where max_steps is null").positive();
    schema.key("training.warmup_steps", training.warmup_steps, "linear warm-up; wins over warmup_epochs")
        .min(0);
    schema.key("training.warmup_epochs", training.warmup_epochs, "warm-up in epochs").min(0.0);
    schema
        .key("training.gradient_accumulation_steps", training.gradient_accumulation_steps,
             "micro-batches per optimizer step, each contrasted by itself: more of them average the loss of small "
             "batches, while a larger batch in pieces (grad_cache_chunks) has the loss of the whole")
        .positive();
    schema
        .key("training.grad_cache_chunks", training.grad_cache_chunks,
             "compute a batch in so many pieces and contrast it as a whole: memory of one piece, one more forward")
        .positive();
    schema.choice("training.recompute", training.recompute,
                  {{"none", Recompute::kNone}, {"layers", Recompute::kLayers}},
                  "layers: make activations again in the backward pass; less memory, about a third more time");
    schema
        .key("training.replica_check_steps", training.replica_check_steps,
             "steps between checks that all ranks hold the same weights; 0: only before checkpoints")
        .min(0);
    schema
        .key("training.hang_timeout_s", training.hang_timeout_s,
             "end the job (exit 75) when no rank gets further for so long, or one gives no sign of life; 0: never")
        .min(0.0);
    schema.rule("training.hang_timeout_s", [&training] { return find_silence_limit_problem(training.hang_timeout_s); });
    schema
        .key("training.stall_timeout_s", training.stall_timeout_s,
             "the same for what may take long: start, first step, waiting for data, validation, saving")
        .positive();
    schema
        .key("training.codebook_window", training.codebook_window,
             "steps over which the used codes of the codebook are counted")
        .positive();
    schema
        .key("training.codebook_min_share", training.codebook_min_share,
             "share of the codes below which a window is named a collapse")
        .min(0.0)
        .max(1.0);
    schema
        .key("training.save_every_n_steps", training.save_every_n_steps,
             "checkpoint interval; wins over epochs")
        .positive();
    schema.key("training.save_every_n_epochs", training.save_every_n_epochs, "checkpoint interval in epochs")
        .positive();
    schema.key("training.max_seconds", training.max_seconds, "save and stop (exit 75) after this run time")
        .positive();
}

void bind_validation(Schema& schema, ValidationOptions& validation) {
    schema
        .key("validation.eval_every_n_steps", validation.eval_every_n_steps, "wins over eval_every_n_epochs")
        .positive();
    schema
        .key("validation.eval_every_n_epochs", validation.eval_every_n_epochs,
             "validation interval in epochs")
        .positive();
    schema.key("validation.eval_samples", validation.eval_samples, "samples of a validation; null: all")
        .positive();
    schema.key("validation.metrics", validation.metrics, "metrics that go to the log")
        .choices({kMetricNames.begin(), kMetricNames.end()});
    schema.key("validation.use_bootstrap", validation.use_bootstrap, "intervals during training too");
    schema.key("validation.threshold", validation.threshold, "of precision, recall and accuracy")
        .min(0.0)
        .max(1.0);
}

void bind_checkpoint(Schema& schema, CheckpointOptions& checkpoint) {
    schema.key("checkpoint.save_dir", checkpoint.save_dir,
               "folder of the checkpoints; empty: <run.dir>/checkpoints");
    schema.key("checkpoint.keep_last_n", checkpoint.keep_last_n, "newest checkpoints to keep (at least 2)")
        .min(2);
    schema.key("checkpoint.save_best", checkpoint.save_best, "also keep the one with the best metric");
    schema.key("checkpoint.best_metric", checkpoint.best_metric, "auroc, auprc, f1, or weighted_<metric>");
    schema.key("checkpoint.best_metric_mode", checkpoint.best_metric_mode, "which is better")
        .choices({"max", "min"});
}

/// A count in steps: given as such, or as epochs, or absent (0).
std::int64_t to_steps(std::optional<std::int64_t> steps, std::optional<double> epochs,
                      std::int64_t steps_per_epoch) {
    if (steps) {
        return *steps;
    }
    return epochs ? std::max<std::int64_t>(1, std::llround(*epochs * static_cast<double>(steps_per_epoch)))
                  : 0;
}

void bind_contrast(Schema& schema, ContrastOptions& contrast) {
    schema.choice("model.clip.negatives", contrast.negatives,
                  {{"global", Negatives::kGlobal}, {"local", Negatives::kLocal}},
                  "whose samples count as negatives: of all ranks, or of the same rank only");
    schema.key("model.clip.decoupled", contrast.is_decoupled,
               "leave positives out of the softmax denominators");
}

void bind_logging(Schema& schema, LoggingOptions& logging) {
    schema.key("logging.use_tensorboard", logging.use_tensorboard,
               "write TensorBoard events to <run.dir>/tensorboard");
    schema.key("logging.use_console", logging.use_console, "a readable line per log_every_n_steps");
    schema.key("logging.log_every_n_steps", logging.log_every_n_steps, "steps between readable lines")
        .positive();
    schema.accepted_but_unused("logging.use_wandb", "metrics go to metrics.jsonl and TensorBoard");
    schema.accepted_but_unused("logging.wandb", "metrics go to metrics.jsonl and TensorBoard");
    schema.accepted_but_unused("logging.tensorboard", "events go to <run.dir>/tensorboard");
    schema.accepted_but_unused("logging.profile_timing", "every step's parts are always timed");
}

/// A metric that no validation computes would keep no best checkpoint, without a word.
std::string best_metric_problem(TrainOptions const& options) {
    std::string_view metric = options.checkpoint.best_metric;
    if (!options.checkpoint.save_best || !options.data.validation_set().is_given() || metric == "loss") {
        return "";
    }
    constexpr std::string_view kWeighted = "weighted_";
    if (metric.starts_with(kWeighted)) {
        metric.remove_prefix(kWeighted.size());
    }
    std::vector<std::string> const& computed = options.validation.metrics;
    return std::ranges::find(computed, metric) != computed.end()
               ? ""
               : fmt::format("is {}, which validation.metrics ({}) does not have, so that no checkpoint could "
                             "be the best",
                             options.checkpoint.best_metric, fmt::join(computed, ", "));
}

}  // namespace

LossOptions ContrastOptions::loss(LossType type) const {
    LossOptions options;
    options.type = type;
    options.negatives = negatives;
    options.denominator = is_decoupled ? Denominator::kNegativesOnly : Denominator::kAll;
    return options;
}

void TrainOptions::bind(Schema& schema) {
    schema.key("experiment.name", experiment.name, "name of the run");
    schema.key("experiment.tags", experiment.tags, "free words, stored with the run");
    schema.key("experiment.seed", experiment.seed, "everything random derives from it");
    schema.key("experiment.notes", experiment.notes, "free text, stored with the run");
    data.bind(schema);
    model.bind(schema);
    bind_contrast(schema, contrast);
    bind_training(schema, training);
    bind_validation(schema, validation);
    bind_checkpoint(schema, checkpoint);
    bind_logging(schema, logging);
    device.bind(schema);
    schema.key("run.dir", run.dir, "folder of this run; the same command again resumes there");
    schema
        .key("run.peak_tflops", run.peak_tflops,
             "TFLOP/s that one rank's device can do at most, for model FLOP utilisation; null: measured with a matrix "
             "product at the start")
        .positive();
    schema.rule("run.dir", [this] {
        return std::string(run.dir.empty() && !dump_precision ? "is not set: a run needs a folder of its own" : "");
    });
    schema.rule("training.grad_cache_chunks", [this] {
        return training.grad_cache_chunks <= data.batch_size
                   ? std::string()
                   : fmt::format("is {}, but a rank's batch has only {} rows to divide (data.batch_size)",
                                 training.grad_cache_chunks, data.batch_size);
    });
    schema.rule("training.loss_scale.minimum", [this] {
        LossScalerOptions const& scaler = training.optimizer.loss_scaler;
        return scaler.minimum <= scaler.initial
                   ? std::string()
                   : fmt::format("is {}, more than the scale of the first step (training.loss_scale.initial = {})",
                                 scaler.minimum, scaler.initial);
    });
    schema.rule("checkpoint.best_metric", [this] { return best_metric_problem(*this); });
    schema.option("--from-scratch", from_scratch,
                  "refuse a run folder that is not empty instead of resuming");
    schema.option("--not-exact", not_exact,
                  "resume although versions, threads or settings differ from those of the checkpoint");
    schema
        .option("--profile", profile_steps,
                "trace so many steps: <run.dir>/trace-rank<r>.json, for ui.perfetto.dev or chrome://tracing")
        .min(0);
    schema.option("--dump-precision", dump_precision, "print which precision each operation computes in, and end");
    schema.section_of_other_program("convert");
    schema.section_of_other_program("evaluate");
}

StepPlan make_step_plan(TrainOptions const& options, std::int64_t num_samples, std::int64_t global_batch) {
    StepPlan plan;
    plan.steps_per_epoch = num_samples / global_batch;
    require(plan.steps_per_epoch > 0, ExitCode::kBadConfig,
            "the training set has {} samples, fewer than one optimizer step takes ({} = batch_size x ranks x "
            "accumulation). Lower data.batch_size, or use fewer ranks.",
            num_samples, global_batch);
    TrainingOptions const& training = options.training;
    plan.max_steps = to_steps(training.max_steps, training.max_epochs, plan.steps_per_epoch);
    require(plan.max_steps > 0, ExitCode::kBadConfig,
            "neither training.max_steps nor training.max_epochs is set");
    plan.warmup_steps = to_steps(training.warmup_steps, training.warmup_epochs, plan.steps_per_epoch);
    plan.save_every_n_steps =
        to_steps(training.save_every_n_steps, training.save_every_n_epochs, plan.steps_per_epoch);
    plan.eval_every_n_steps = to_steps(options.validation.eval_every_n_steps,
                                       options.validation.eval_every_n_epochs, plan.steps_per_epoch);
    return plan;
}

}  // namespace ctclip
