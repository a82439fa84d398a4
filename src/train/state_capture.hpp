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

/// Copies everything to host memory. `info` and `metrics` are the caller's to fill.
TrainState capture_state(ParameterSet const& parameters, Optimizer const& optimizer,
                         SamplerState const& sampler);

/// Puts a checkpoint back. Executes no step.
/// @returns where the data goes on.
/// @throws Error kBadInput when the checkpoint is of another model or lacks a part.
SamplerState restore_state(TrainState const& state, ParameterSet& parameters, Optimizer& optimizer);

}  // namespace ctclip
