/// Between a living run and its checkpoint. State is keyed by parameter name, so that another order of
/// parameters or another number of ranks reads it the same.
#pragma once

#include "checkpoint/train_state.hpp"
#include "loader/batch_sequence.hpp"
#include "model/parameter_set.hpp"
#include "optim/optimizer.hpp"

namespace ctclip {

/// What the optimizer updates, by state-dict name.
NamedTensors trained_tensors(ParameterSet const& parameters);

/// What every rank must hold with the same bits: weights, moments, loss scale, codebook.
NamedTensors replicated_tensors(ParameterSet const& parameters, Optimizer const& optimizer);

/// A run's state as it was at one step. Training stops while it is made: for one copy on the CPU, for one transfer into
/// page-locked memory from a GPU.
class StateSnapshot {
  public:
    StateSnapshot(ParameterSet const& parameters, Optimizer const& optimizer, SamplerState const& sampler);

    /// What is left to do needs no device: another thread may do it. `info` and `metrics` are the caller's to fill.
    TrainState to_state() &&;

  private:
    TrainState state_;  ///< complete but for the tensors that follow
    NamedTensors model_, exp_avg_, exp_avg_sq_;  ///< page-locked; empty on the CPU
};

/// StateSnapshot at once.
TrainState capture_state(ParameterSet const& parameters, Optimizer const& optimizer,
                         SamplerState const& sampler);

/// Puts a checkpoint back. Executes no step.
/// @returns where the data goes on.
/// @throws Error kBadInput when the checkpoint is of another model or lacks a part.
SamplerState restore_state(TrainState const& state, ParameterSet& parameters, Optimizer& optimizer);

}  // namespace ctclip
