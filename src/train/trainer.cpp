#include "train/trainer.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/build_info.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"
#include "base/splitmix64.hpp"
#include "base/stop_signal.hpp"
#include "base/trace.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/parameter_keys.hpp"
#include "dist/gather_bytes.hpp"
#include "dist/pulse.hpp"
#include "loader/bad_samples.hpp"
#include "model/flop_count.hpp"
#include "optim/replica_check.hpp"
#include "train/resume_check.hpp"
#include "train/state_capture.hpp"

namespace ctclip {
namespace {

constexpr double kBytesPerGiB = 1024.0 * 1024.0 * 1024.0;
/// float32 weight, gradient and two moments of a trained parameter.
constexpr double kTrainedBytesPerParameter = 16.0;

OptimizerOptions optimizer_options(TrainingOptions const& training, StepPlan const& plan) {
    OptimizerOptions options = training.optimizer;
    options.loss_scaler.scaling =
        training.precision == ComputeType::kHalf ? LossScaling::kDynamic : LossScaling::kNone;
    options.lr_schedule.warmup_steps = plan.warmup_steps;
    options.lr_schedule.total_steps = plan.max_steps;
    options.adamw.beta1 = training.betas.at(0);
    options.adamw.beta2 = training.betas.at(1);
    return options;
}

LoaderOptions training_loader_options(TrainOptions const& options, TrainWorld const& world) {
    LoaderOptions loader;
    loader.data = options.data;
    // One optimizer step takes accumulation_steps batches at once: so many may be leased.
    loader.data.prefetch_factor =
        std::max(options.data.prefetch_factor, options.training.gradient_accumulation_steps + 1);
    loader.max_tokens = options.model.max_length;
    loader.rank = world.host.rank();
    loader.world_size = world.host.world_size();
    return loader;
}

std::vector<std::int64_t> dataset_indices(HostBatch const& batch) {
    std::vector<std::int64_t> indices;
    for (BatchRow const& row : batch.rows) {
        indices.push_back(row.index);
    }
    return indices;
}

/// Waits for the device, which waits for the other ranks.
StepReport read(StepOutcome const& outcome) {
    WaitScope const waiting;
    return outcome.read();
}

bool is_due(std::int64_t step, std::int64_t every) {
    return every > 0 && step % every == 0;
}

}  // namespace

Trainer::Trainer(TrainOptions options, std::string config_yaml, TrainWorld const& world)
    : options_(std::move(options)),
      config_yaml_(std::move(config_yaml)),
      world_(world),
      inputs_(open_run_inputs(options_, world.host.world_size())),
      parameters_(inputs_.model, world.device, PrecisionPolicy(options_.training.precision).master()),
      model_(inputs_.model, parameters_, PrecisionPolicy(options_.training.precision),
             options_.training.recompute),
      optimizer_(trained_tensors(parameters_), optimizer_options(options_.training, inputs_.plan),
                 inputs_.plan.max_steps),
      gradient_sync_(optimizer_.parameters(), world.ranks),
      train_step_(model_, optimizer_, gradient_sync_, world.ranks,
                  {.loss = options_.contrast.loss(inputs_.model.loss_type),
                   .seed = static_cast<std::uint64_t>(options_.experiment.seed),
                   .num_chunks = options_.training.grad_cache_chunks},
                  world.device),
      forensics_(model_, train_step_, optimizer_.parameters(), world.host),
      guard_(options_.training, world.host.rank() == 0),
      reporter_(options_.logging, inputs_.plan.max_steps),
      trace_(options_.profile_steps, options_.run.dir, world.host.rank()) {
    sampler_.seed = static_cast<std::uint64_t>(options_.experiment.seed);
    if (inputs_.validation_set) {
        validator_ = std::make_unique<Validator>(model_, inputs_, options_, world_.host, world_.device);
    }
}

std::vector<std::string> Trainer::describe() const {
    std::string_view const precision = name_of(options_.training.precision);
    StepPlan const& plan = inputs_.plan;
    return {
        fmt::format("device: {}, {} threads a rank; {} rank{}", world_.device_name, world_.num_threads,
                    world_.host.world_size(), world_.host.world_size() == 1 ? "" : "s"),
        fmt::format("mixed precision: {} (fp16 = {}, bf16 = {}); master weights, norms, softmax, loss and "
                    "optimizer in "
                    "fp32",
                    precision, options_.training.precision == ComputeType::kHalf,
                    options_.training.precision == ComputeType::kBFloat16),
        fmt::format("parameters: {} in all, {} trained; {:.2f} GiB a rank for weights, gradients and moments",
                    parameters_.num_parameters(), parameters_.num_trained_parameters(),
                    kTrainedBytesPerParameter * static_cast<double>(parameters_.num_trained_parameters()) /
                        kBytesPerGiB),
        fmt::format("data: {} training samples, {} validation samples; model input {} x {} x {}",
                    inputs_.training_set->size(), inputs_.validation_set ? inputs_.validation_set->size() : 0,
                    options_.data.target_shape[0], options_.data.target_shape[1],
                    options_.data.target_shape[2]),
        fmt::format("steps: {} of {} samples ({} x {} ranks x {} micro-batches), {:.2f} epochs; warm-up {}, "
                    "learning rate {:g}",
                    plan.max_steps, global_batch(), options_.data.batch_size, world_.host.world_size(),
                    options_.training.gradient_accumulation_steps,
                    static_cast<double>(plan.max_steps) / static_cast<double>(plan.steps_per_epoch),
                    plan.warmup_steps, options_.training.optimizer.lr_schedule.base_lr),
    };
}

void Trainer::dry_run() const {
    log_description();
}

void Trainer::log_description() const {
    if (is_root()) {
        for (std::string const& line : describe()) {
            log_info("{}", line);
        }
    }
}

void Trainer::run(std::function<bool()> const& stop_requested) {
    begin();
    if (step_ >= inputs_.plan.max_steps) {
        if (is_root()) {
            log_info("the run is complete: {} of {} steps are done", step_, inputs_.plan.max_steps);
        }
        return;
    }
    train(stop_requested);
}

void Trainer::begin() {
    log_description();
    if (is_root()) {
        folder_ = std::make_unique<RunFolder>(options_);
    }
    peak_ = peak_rate(options_.run.peak_tflops, world_.device, model_.policy());
    // Rank 0 looks for the newest valid checkpoint; the others read the one it found.
    std::string path;
    std::optional<LoadedCheckpoint> found;
    if (is_root()) {
        found = load_newest_valid(checkpoint_folder(options_));
        path = found ? found->path.string() : "";
    }
    path = broadcast_text(path, 0, world_.host);
    if (path.empty()) {
        parameters_.initialise(derive_seed(static_cast<std::uint64_t>(options_.experiment.seed), "weights"));
        load_initial_weights();
    } else {
        TrainState const state = found ? std::move(found->state) : read_checkpoint(path);
        require_same_run(state.info, path);
        sampler_ = restore_state(state, parameters_, optimizer_);
        step_ = state.info.step;
        saved_step_ = step_;
        if (is_root()) {
            log_info("resuming at step {} from {}", step_, path);
        }
    }
    if (is_root()) {
        folder_->start(config_yaml_, run_record(), step_);
    }
    loader_ = std::make_unique<BatchLoader>(inputs_.training_set, training_loader_options(options_, world_),
                                            inputs_.tokenizer, sampler_);
}

void Trainer::train(std::function<bool()> const& stop_requested) {
    StepPlan const& plan = inputs_.plan;
    reporter_.begin(step_);
    first_step_ = step_;
    while (step_ < plan.max_steps) {
        trace_.before_step(plan.max_steps - step_);
        take_step();
        trace_.after_step();
        bool const is_last = step_ == plan.max_steps;
        if (is_due(step_, options_.training.replica_check_steps)) {
            check_replicas();
        }
        if (validator_ && (is_last || is_due(step_, plan.eval_every_n_steps))) {
            validate();
        }
        if (is_last || is_due(step_, plan.save_every_n_steps)) {
            save();
        }
        if (!is_last && any_rank(stop_requested() || is_time_up(), world_.host)) {
            trace_.finish();
            save();
            if (is_root()) {
                folder_->checkpoints().wait();
            }
            throw Stopped(fmt::format("stopped after step {} of {}; the same command goes on from there",
                                      step_, plan.max_steps));
        }
    }
    trace_.finish();
    reporter_.end();
    ActivityScope const activity(Activity::kSaving);
    if (is_root()) {
        auto const newest = folder_->checkpoints().wait();
        log_info("done: {} steps; the last checkpoint is {}", step_,
                 newest ? newest->string() : "the one resumed from");
    }
}

void Trainer::take_step() {
    TraceScope const scope("step", step_ + 1);
    auto const begun = std::chrono::steady_clock::now();
    StepTimer timer;
    timer.start();
    std::vector<BatchLease> leases;
    std::vector<HostBatch const*> micro_batches;
    Pulse::of_process().set_activity(Activity::kData);
    for (std::int64_t i = 0; i < options_.training.gradient_accumulation_steps; ++i) {
        leases.push_back(loader_->next());
        micro_batches.push_back(leases.back().get());
    }
    timer.lap(StepPart::kData);

    PendingStep launched;
    launched.begun = begun;
    launched.before = sampler_;
    for (HostBatch const* const batch : micro_batches) {
        launched.row_indices.push_back(dataset_indices(*batch));
        launched.flops += training_flops(inputs_.model, *batch);
    }
    Pulse::of_process().set_activity(step_ == first_step_ ? Activity::kFirstStep : Activity::kStep);
    Pulse::of_process().set_step(step_ + 1);
    launched.result = train_step_.run(step_, micro_batches, timer);
    launched.launch_s = launched.result.timer.total_s();
    sampler_ = micro_batches.back()->state_after;
    step_ += 1;
    launched.step = step_;
    launched.epoch = epoch();

    settle();  // the step before this one, while the device computes
    pending_ = std::move(launched);
}

void Trainer::settle() {
    if (!pending_) {
        return;
    }
    TraceScope const scope("read step before");
    PendingStep const step = *std::exchange(pending_, std::nullopt);
    StepReport const report = read(step.result.outcome);
    StepFacts const facts{.step = step.step,
                          .epoch = step.epoch,
                          .loss = step.result.loss.item<double>(),
                          .report = report,
                          .timer = step.result.timer,
                          .step_s = duration_s(step),
                          .num_volumes = global_batch(),
                          .flops = step.flops,
                          .peak_flops_per_s = peak_.flops_per_s,
                          .peak_device_memory_bytes = peak_device_memory_bytes(world_.device)};
    metrics_ = {{"loss", facts.loss}, {"lr", report.lr}};  // a validation of an earlier step is not this step's
    if (is_root()) {
        reporter_.report(facts, loader_->stage_times());
        folder_->log(step.step, to_record(facts), "train/");
    }
    guard_.review({.step = step.step,
                   .loss = facts.loss,
                   .report = report,
                   .used_codes = step.result.used_codes,
                   .finding = report.is_skipped ? explain(step) : Finding{}});
}

/// Of a step that is done by now. A GPU computes on after the launch: there a step lasts from the end of the one
/// before, as the host sees it, to its own.
double Trainer::duration_s(PendingStep const& step) {
    auto const before = std::exchange(settled_at_, std::chrono::steady_clock::now());
    std::chrono::duration<double> const seen = settled_at_ - std::max(before, step.begun);
    return world_.device.is_cuda() ? seen.count() : step.launch_s;
}

Finding Trainer::explain(PendingStep const& step) {
    auto const seed = static_cast<std::uint64_t>(options_.experiment.seed);
    std::vector<std::vector<std::string>> pseudonyms;
    for (std::vector<std::int64_t> const& indices : step.row_indices) {
        std::vector<std::string>& rows = pseudonyms.emplace_back();
        for (std::int64_t const index : indices) {
            rows.push_back(pseudonym(seed, inputs_.training_set->study_id(index)));
        }
    }
    std::unique_ptr<BatchLoader> loader;
    std::vector<BatchLease> leases;
    auto const read_again = [&] {
        loader = std::make_unique<BatchLoader>(
            inputs_.training_set, training_loader_options(options_, world_), inputs_.tokenizer, step.before);
        std::vector<HostBatch const*> batches;
        for (std::size_t i = 0; i < step.row_indices.size(); ++i) {
            leases.push_back(loader->next());
            batches.push_back(leases.back().get());
        }
        return batches;
    };
    return forensics_.explain({.step = step.step - 1,
                               .traces = step.result.traces,
                               .gradient_norms = step.result.outcome.gradient_norms(),
                               .pseudonyms = pseudonyms,
                               .read_again = read_again});
}

void Trainer::check_replicas() {
    NamedTensors tensors = optimizer_.replicated();
    for (Parameter const& parameter : parameters_.entries()) {
        bool const is_used = parameter.spec.use == ParameterUse::kUsed;
        if (parameter.spec.kind == ParameterKind::kBuffer && is_used && parameter.tensor.is_floating_point()) {
            tensors.push_back({parameter.spec.name, parameter.tensor});
        }
    }
    require_equal_replicas(tensors, world_.host, step_);
}

void Trainer::validate() {
    if (validated_step_ == step_) {
        return;
    }
    TraceScope const scope("validation", step_);
    validated_step_ = step_;
    settle();
    ActivityScope const activity(Activity::kValidation);
    ValidationResult const result = validator_->run();
    for (auto const& [name, value] : result.metrics) {
        metrics_[name] = value;
    }
    if (is_root()) {
        log_info("validation at step {}: {}", step_, result.summary());
        nlohmann::ordered_json record = {{"step", step_}, {"epoch", epoch()}};
        for (auto const& [name, value] : result.metrics) {
            record["val_" + name] = value;
        }
        folder_->log(step_, record, "val/");
    }
}

void Trainer::save() {
    if (saved_step_ == step_) {
        return;
    }
    saved_step_ = step_;
    settle();
    ActivityScope const activity(Activity::kSaving);
    check_replicas();  // a checkpoint is where every later run goes on
    if (!is_root()) {
        return;
    }
    TraceScope const scope("snapshot", step_);
    auto const snapshot = std::make_shared<StateSnapshot>(parameters_, optimizer_, sampler_);
    folder_->checkpoints().submit([snapshot, info = checkpoint_info(), metrics = metrics_] {
        TrainState state = std::move(*snapshot).to_state();
        state.info = info;
        state.metrics.scalars = metrics;
        return state;
    });
}

CheckpointInfo Trainer::checkpoint_info() const {
    return {.step = step_,
            .epoch = sampler_.epoch,
            .precision = std::string(name_of(options_.training.precision)),
            .world_size = world_.host.world_size(),
            .num_threads = world_.num_threads,
            .config = config_yaml_,
            .software = software_name(),
            .dataset_digest = inputs_.training_set->digest()};
}

void Trainer::require_same_run(CheckpointInfo const& saved, std::string const& path) const {
    std::vector<std::string> const differences =
        find_resume_differences(saved, checkpoint_info(), /*compares_threads=*/world_.device.is_cpu());
    require(differences.empty() || options_.not_exact, ExitCode::kBadConfig,
            "{} was saved by a run that differs from this one:\n  {}\nGoing on would not give what the unbroken run "
            "gives. Set these back, start anew in another run.dir, or accept the difference with --not-exact",
            path, fmt::join(differences, "\n  "));
    if (!is_root()) {
        return;
    }
    for (std::string const& difference : differences) {
        log_warning("not an exact resume: {}", difference);
    }
    if (saved.world_size != world_.host.world_size()) {
        log_info("resuming on {} ranks instead of {}: the same samples in the same order, sums round differently",
                 world_.host.world_size(), saved.world_size);
    }
}

void Trainer::load_initial_weights() {
    if (options_.model.init_from.empty()) {
        return;
    }
    std::string const path = options_.model.init_from.string();
    WeightMapping mapping =
        map_weights(read_weight_file(path), key_table(parameter_layout(inputs_.model)), path);
    require_fit(mapping, path);
    require_finite(mapping.tensors, path);
    // What the file lacks and may lack (for a BERT all but the text encoder) keeps its initial values.
    NamedArrays weights = parameters_.to_arrays();
    for (auto& [name, array] : mapping.tensors) {
        weights[name] = std::move(array);
    }
    parameters_.load(weights);
    if (is_root()) {
        log_info("weights from {} ({}): {} tensors; {} that it lacks keep their initial values, {} are not needed",
                 path, layout_name(mapping.layout), mapping.tensors.size(), mapping.absent.size(),
                 mapping.ignored.size());
    }
}

bool Trainer::is_time_up() const {
    std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start_;
    return options_.training.max_seconds && elapsed.count() >= *options_.training.max_seconds;
}

std::int64_t Trainer::global_batch() const {
    return options_.data.batch_size * world_.host.world_size() *
           options_.training.gradient_accumulation_steps;
}

double Trainer::epoch() const {
    return static_cast<double>(sampler_.epoch) +
           static_cast<double>(sampler_.position) / static_cast<double>(inputs_.training_set->size());
}

nlohmann::ordered_json Trainer::run_record() const {
    return {{"schema", "ctclip.run/1"},
            {"name", options_.experiment.name},
            {"tags", options_.experiment.tags},
            {"notes", options_.experiment.notes},
            {"started", utc_now()},
            {"first_step", step_},
            {"software", build_info_json("ctclip-train")},
            {"host", host_name()},
            {"ranks", world_.host.world_size()},
            {"device", world_.device_name},
            {"threads_per_rank", world_.num_threads},
            {"precision", name_of(options_.training.precision)},
            {"peak_tflops_per_rank", {{"value", peak_.flops_per_s / 1e12}, {"source", peak_.source}}},
            {"parameters", parameters_.num_parameters()},
            {"trained_parameters", parameters_.num_trained_parameters()},
            {"training_samples", inputs_.training_set->size()},
            {"dataset_digest", inputs_.training_set->digest()}};
}

}  // namespace ctclip
