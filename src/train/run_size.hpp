/// How much room a run takes, known before it starts: in bytes, activations left out.
#pragma once

#include "model/parameter_set.hpp"
#include "train/run_inputs.hpp"
#include "train/train_world.hpp"

namespace ctclip {

struct RunSize {
    double model_bytes = 0.0;       ///< weights, gradients and moments of a rank, where the model computes
    double loading_bytes = 0.0;     ///< of a rank's loaders at most, in host memory: training's and one beside it
    double checkpoint_bytes = 0.0;  ///< of one file, and in rank 0's host memory while it is saved

    /// Of a rank in host memory.
    double host_bytes(bool is_model_on_host, bool is_saving) const {
        return loading_bytes + (is_model_on_host ? model_bytes : 0.0) + (is_saving ? checkpoint_bytes : 0.0);
    }
};

/// Validation's batches count as training's: they are of the same size.
RunSize size_of_run(TrainOptions const& options, RunInputs const& inputs, ParameterSet const& parameters,
                    TrainWorld const& world);

}  // namespace ctclip
