#include "train/state_capture.hpp"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

#include "model/tensor_array.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {
namespace {

/// Host tensors become arrays; those of a GPU are on their way into page-locked memory when this returns.
void copy_to_host(NamedTensors const& tensors, NamedArrays& arrays, NamedTensors& page_locked) {
    for (NamedTensor const& entry : tensors) {
        if (entry.tensor.is_cpu()) {
            arrays.emplace(entry.name, to_array(entry.tensor));
            continue;
        }
        at::Tensor const target =
            at::empty(entry.tensor.sizes(), entry.tensor.options().device(at::kCPU).pinned_memory(true));
        page_locked.push_back({entry.name, target.copy_(entry.tensor.detach(), /*non_blocking=*/true)});
    }
}

/// Each tensor goes once it is an array: the memory of one snapshot is enough.
void move_to_arrays(NamedTensors& page_locked, NamedArrays& arrays) {
    for (NamedTensor& entry : page_locked) {
        arrays.emplace(entry.name, to_array(entry.tensor));
        entry.tensor.reset();
    }
}

void wait_for_device(at::Device device) {
    if (!device.is_cpu()) {
        c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
    }
}

NamedTensors all_tensors(ParameterSet const& parameters) {
    NamedTensors tensors;
    for (Parameter const& parameter : parameters.entries()) {
        tensors.push_back({parameter.spec.name, parameter.tensor});
    }
    return tensors;
}

NamedTensors to_tensors(NamedArrays const& arrays) {
    NamedTensors tensors;
    for (auto const& [name, array] : arrays) {
        tensors.push_back({name, to_tensor(array)});
    }
    return tensors;
}

/// Checkpoints from before orders had names counted samples in an order that is no more.
std::string order_on_record(StateGroup const& sampler) {
    return sampler.scalars.contains("order") ? sampler.text("order") : "of ctclip before 27 November 2026";
}

}  // namespace

NamedTensors trained_tensors(ParameterSet const& parameters) {
    NamedTensors tensors;
    for (Parameter const* parameter : parameters.trained()) {
        tensors.push_back({parameter->spec.name, parameter->tensor});
    }
    return tensors;
}

NamedTensors replicated_tensors(ParameterSet const& parameters, Optimizer const& optimizer) {
    NamedTensors tensors = optimizer.replicated();
    for (Parameter const& parameter : parameters.entries()) {
        bool const is_used = parameter.spec.use == ParameterUse::kUsed;
        if (parameter.spec.kind == ParameterKind::kBuffer && is_used && parameter.tensor.is_floating_point()) {
            tensors.push_back({parameter.spec.name, parameter.tensor});
        }
    }
    return tensors;
}

StateSnapshot::StateSnapshot(ParameterSet const& parameters, Optimizer const& optimizer,
                             SamplerState const& sampler) {
    OptimizerState const optimizer_state = optimizer.state();
    LossScalerState const& scaler = optimizer_state.loss_scaler;
    TrainState& state = state_;
    copy_to_host(all_tensors(parameters), state.model, model_);
    copy_to_host(optimizer_state.adamw.exp_avg, state.exp_avg, exp_avg_);
    copy_to_host(optimizer_state.adamw.exp_avg_sq, state.exp_avg_sq, exp_avg_sq_);
    wait_for_device(parameters.trained().front()->tensor.device());
    state.scaler.scalars = {{"scale", scaler.scale},
                            {"growth_tracker", scaler.growth_tracker},
                            {"num_skipped_steps", scaler.num_skipped_steps},
                            {"num_consecutive_skips", scaler.num_consecutive_skips}};
    state.schedule.scalars = {{"num_taken_steps", optimizer_state.adamw.num_steps}};
    state.sampler.scalars = {{"seed", static_cast<std::int64_t>(sampler.seed)},
                             {"epoch", sampler.epoch},
                             {"position", sampler.position},
                             {"dataset_digest", sampler.dataset_digest},
                             {"order", sampler.order}};
    // Dropout and shuffling draw by counter from the seed (base/splitmix64.hpp): there is no generator state.
    state.rng.scalars = {{"generator", std::string("splitmix64, by counter")},
                         {"seed", static_cast<std::int64_t>(sampler.seed)}};
    state.codebook.scalars = {{"decay", kCodebookDecay}};  // its moving averages are buffers of the model
}

TrainState StateSnapshot::to_state() && {
    move_to_arrays(model_, state_.model);
    move_to_arrays(exp_avg_, state_.exp_avg);
    move_to_arrays(exp_avg_sq_, state_.exp_avg_sq);
    return std::move(state_);
}

TrainState capture_state(ParameterSet const& parameters, Optimizer const& optimizer,
                         SamplerState const& sampler) {
    return StateSnapshot(parameters, optimizer, sampler).to_state();
}

SamplerState restore_state(TrainState const& state, ParameterSet& parameters, Optimizer& optimizer) {
    parameters.load(state.model);
    OptimizerState optimizer_state;
    optimizer_state.adamw = {.num_steps = state.schedule.integer("num_taken_steps"),
                             .exp_avg = to_tensors(state.exp_avg),
                             .exp_avg_sq = to_tensors(state.exp_avg_sq)};
    optimizer_state.loss_scaler = {.scale = state.scaler.real("scale"),
                                   .growth_tracker = state.scaler.integer("growth_tracker"),
                                   .num_skipped_steps = state.scaler.integer("num_skipped_steps"),
                                   .num_consecutive_skips = state.scaler.integer("num_consecutive_skips")};
    optimizer.restore(optimizer_state);
    return {.seed = static_cast<std::uint64_t>(state.sampler.integer("seed")),
            .epoch = state.sampler.integer("epoch"),
            .position = state.sampler.integer("position"),
            .dataset_digest = state.sampler.text("dataset_digest"),
            .order = order_on_record(state.sampler)};
}

}  // namespace ctclip
