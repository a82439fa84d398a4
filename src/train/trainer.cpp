#include "train/trainer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/stop_signal.hpp"
#include "base/trace.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "dist/gather_bytes.hpp"
#include "dist/pulse.hpp"
#include "model/flop_count.hpp"
#include "optim/replica_check.hpp"
#include "train/initial_weights.hpp"
#include "train/resume_check.hpp"
#include "train/run_description.hpp"
#include "train/run_size.hpp"
#include "train/start_check.hpp"
#include "train/state_capture.hpp"

namespace ctclip {
namespace {

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

std::vector<std::int64_t> dataset_indices(HostBatch const& batch) {
    std::vector<std::int64_t> indices;
    for (BatchRow const& row : batch.rows) {
        indices.push_back(row.index);
    }
    return indices;
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
                   .num_chunks = options_.training.grad_cache_chunks}),
      forensics_(model_, train_step_, optimizer_.parameters(), world.host),
      trace_(options_.profile_steps, options_.run.dir, world.host.rank()),
      metrics_(options_.checkpoint),
      bad_samples_(options_.data.max_bad_samples) {
    sampler_.seed = static_cast<std::uint64_t>(options_.experiment.seed);
    if (inputs_.validation_set) {
        validator_ = std::make_unique<Validator>(model_, inputs_, options_, world_.host, world_.device);
    }
}

void Trainer::dry_run() const {
    log_description();
    RunSize const size = size_of_run(options_, inputs_, parameters_, world_);
    if (world_.is_root()) {
        require_room_for_files(options_, size.checkpoint_bytes);
        check_resume();
    }
    require_room_in_memory(size.host_bytes(world_.device.is_cpu(), /*is_saving=*/world_.is_root()), world_.host);
}

void Trainer::check_resume() const {
    auto const found = load_newest_valid(checkpoint_folder(options_), CheckpointParts::kInfo);
    if (!found) {
        log_info("would start anew in {}", options_.run.dir.string());
        return;
    }
    CheckpointInfo const& info = found->state.info;
    require_same_run(info, checkpoint_info(), found->path.string(), world_, options_.not_exact);
    require(info.dataset_digest == inputs_.training_set->digest(), ExitCode::kBadInput,
            "{} was saved by a run on another dataset (digest {}, the shards given have {}). Give the shards that the "
            "run was started with.",
            found->path.string(), info.dataset_digest, inputs_.training_set->digest());
    log_info("would go on at step {} of {} from {}", info.step, inputs_.plan.max_steps, found->path.string());
}

void Trainer::log_description() const {
    if (world_.is_root()) {
        for (std::string const& line : describe_run(options_, inputs_, parameters_, world_)) {
            log_info("{}", line);
        }
    }
}

void Trainer::run(std::function<bool()> const& stop_requested) {
    begin();
    if (step_ >= inputs_.plan.max_steps && !is_validation_owed()) {
        if (world_.is_root()) {
            log_info("the run is complete: {} of {} steps are done", step_, inputs_.plan.max_steps);
        }
        return;
    }
    train(stop_requested);
}

void Trainer::begin() {
    log_description();
    if (world_.is_root()) {
        folder_ = std::make_unique<RunFolder>(options_);
    }
    last_save_.emplace(world_.host, folder_ ? &folder_->checkpoints() : nullptr);
    PeakRate const peak = peak_rate(options_.run.peak_tflops, world_.device, model_.policy());
    // Rank 0 looks for the newest valid checkpoint; the others read the one it found.
    std::string path;
    std::optional<LoadedCheckpoint> found;
    if (world_.is_root()) {
        found = load_newest_valid(checkpoint_folder(options_));
        path = found ? found->path.string() : "";
    }
    path = broadcast_text(path, 0, world_.host);
    if (path.empty()) {
        initialise_weights(parameters_, options_, inputs_.model, /*is_speaking=*/world_.is_root());
    } else {
        TrainState const state = found ? std::move(found->state) : read_checkpoint(path);
        require_same_run(state.info, checkpoint_info(), path, world_, options_.not_exact);
        sampler_ = restore_state(state, parameters_, optimizer_);
        bad_samples_.restore_from(state.sampler);
        metrics_.restore_from(state.metrics);
        step_ = state.info.step;
        saved_step_ = step_;
        if (world_.is_root()) {
            log_info("resuming at step {} from {}", step_, path);
        }
    }
    if (world_.is_root()) {
        folder_->start(config_yaml_, run_record(options_, inputs_, parameters_, world_, peak, step_),
                       {.trained = step_, .validated = is_validation_owed() ? step_ - 1 : step_});
    }
    loader_ = open_loader(sampler_, training_loader_options(options_, world_.host));
    settlement_ = std::make_unique<StepSettlement>(
        StepSettlement::Sources{
            .options = options_,
            .inputs = inputs_,
            .world = world_,
            .forensics = forensics_,
            .loader = loader_->host(),
            .open_loader = [this](SamplerState const& start,
                                  LoaderOptions const& options) { return open_loader(start, options); },
            .metrics = metrics_,
            .folder = folder_.get(),
            .last_save = *last_save_,
            .peak = peak},
        step_);
}

std::unique_ptr<DeviceLoader> Trainer::open_loader(SamplerState const& start, LoaderOptions const& options) const {
    return std::make_unique<DeviceLoader>(inputs_.training_set, options, inputs_.tokenizer, start, world_.device,
                                          model_.policy().model_input());
}

void Trainer::train(std::function<bool()> const& stop_requested) {
    std::int64_t const max_steps = inputs_.plan.max_steps;
    auto const is_stopping = [&] { return any_rank(stop_requested() || is_time_up(), world_.host); };
    first_step_ = step_;
    if (is_validation_owed()) {
        end_step(is_stopping);
    }
    while (step_ < max_steps) {
        trace_.before_step(max_steps - step_);
        take_step();
        trace_.after_step();
        if (is_due(step_, options_.training.replica_check_steps)) {
            require_equal_replicas();
        }
        end_step(is_stopping);
    }
    trace_.finish();
    settlement_->end();
    auto const newest = last_save_->wait();
    if (world_.is_root()) {
        log_info("done: {} steps; the last checkpoint is {}", step_,
                 newest ? newest->string() : "the one resumed from");
    }
}

void Trainer::take_step() {
    TraceScope const scope("step", step_ + 1);
    PendingStep launched;
    launched.begun = std::chrono::steady_clock::now();
    launched.before = sampler_;
    auto const next_batch = [&] {
        Pulse::of_process().set_activity(Activity::kData);
        UploadedBatch batch = loader_->next().value();
        launched.row_indices.push_back(dataset_indices(batch.host()));
        launched.flops += training_flops(inputs_.model, batch.host());
        bad_samples_.note(batch.host());
        sampler_ = batch.host().state_after;
        Pulse::of_process().set_activity(step_ == first_step_ ? Activity::kFirstStep : Activity::kStep);
        Pulse::of_process().set_step(step_ + 1);
        return batch;
    };
    launched.result = train_step_.run(step_, {options_.training.gradient_accumulation_steps, next_batch}, StepTimer{});
    launched.loss = HostCopy(launched.result.loss);
    launched.launch_s = launched.result.timer.total_s();
    step_ += 1;
    launched.step = step_;
    launched.epoch = epoch();
    if (options_.data.bad_samples == BadSamplePolicy::kReplace) {
        last_save_->outlast([this] { bad_samples_.share(world_.host); });
    }

    settlement_->settle();  // the step before this one, while the device computes
    settlement_->expect(std::move(launched));
}

void Trainer::end_step(std::function<bool()> const& is_stopping) {
    StepPlan const& plan = inputs_.plan;
    bool const is_last = step_ == plan.max_steps;
    bool const is_validation_due = validator_ && (is_last || is_due(step_, plan.eval_every_n_steps));
    bool const is_best = (is_validation_due || is_validation_owed()) && validate(is_stopping);
    if (is_last || is_best || is_due(step_, plan.save_every_n_steps)) {
        save();
    }
    if (is_validation_owed() || (!is_last && is_stopping())) {
        trace_.finish();
        save();
        last_save_->wait();
        throw Stopped(fmt::format("stopped {} step {} of {}; the same command goes on from there",
                                  is_validation_owed() ? "in the validation after" : "after", step_, plan.max_steps));
    }
}

bool Trainer::is_validation_owed() const {
    return validator_ && metrics_.is_validation_unfinished();
}

bool Trainer::validate(std::function<bool()> const& is_stopping) {
    TraceScope const scope("validation", step_);
    settlement_->settle();
    ActivityScope const activity(Activity::kValidation);
    metrics_.begin_validation();
    // One that a start makes up for is not left again: starts shorter than a validation would never get past it.
    bool const is_made_up_for = step_ == first_step_;
    auto const result = validator_->run([&] { return is_made_up_for || !is_stopping(); });
    if (!result) {
        return false;
    }
    saved_step_.reset();  // a checkpoint of this step, if there is one, is without its validation
    if (world_.is_root()) {
        log_info("validation at step {}: {}", step_, result->summary());
        nlohmann::ordered_json record = {{"step", step_}, {"epoch", epoch()}};
        for (auto const& [name, value] : result->metrics) {
            record["val_" + name] = value;
        }
        folder_->log(step_, record, "val/");
    }
    return metrics_.finish_validation(result->metrics);
}

void Trainer::require_equal_replicas() const {
    last_save_->outlast([this] {
        ctclip::require_equal_replicas(replicated_tensors(parameters_, optimizer_), world_.host, step_);
    });
}

void Trainer::save() {
    if (saved_step_ == step_) {
        return;
    }
    saved_step_ = step_;
    settlement_->settle();
    ActivityScope const activity(Activity::kSaving);
    require_equal_replicas();  // a checkpoint is where every later run goes on
    if (!world_.is_root()) {
        return;
    }
    TraceScope const scope("snapshot", step_);
    auto const snapshot = std::make_shared<StateSnapshot>(parameters_, optimizer_, sampler_);
    folder_->checkpoints().submit([snapshot, info = checkpoint_info(), metrics = metrics_.scalars(),
                                   bad_samples = bad_samples_] {
        TrainState state = std::move(*snapshot).to_state();
        state.info = info;
        state.metrics.scalars = metrics;
        bad_samples.save_to(state.sampler);
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

bool Trainer::is_time_up() const {
    std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start_;
    return options_.training.max_seconds && elapsed.count() >= *options_.training.max_seconds;
}

double Trainer::epoch() const {
    return static_cast<double>(sampler_.epoch) +
           static_cast<double>(sampler_.position) / static_cast<double>(inputs_.training_set->size());
}

}  // namespace ctclip
