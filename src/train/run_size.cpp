#include "train/run_size.hpp"

#include "model/device_loader.hpp"

namespace ctclip {
namespace {

/// float32 gradient and two moments beside the weight of a trained parameter.
constexpr double kGradientBytes = 4.0;
constexpr double kMomentBytes = 8.0;

}  // namespace

RunSize size_of_run(TrainOptions const& options, RunInputs const& inputs, ParameterSet const& parameters,
                    TrainWorld const& world) {
    LoaderOptions loader = training_loader_options(options, world.host);
    loader.form = volume_form(options.data.preprocess_on, world.device);
    double weight_bytes = 0.0;
    for (Parameter const& parameter : parameters.entries()) {
        weight_bytes += static_cast<double>(parameter.tensor.nbytes());
    }
    auto const num_trained = static_cast<double>(parameters.num_trained_parameters());
    double loading_bytes = static_cast<double>(loader_memory_bytes(*inputs.training_set, loader));
    if (inputs.validation_set) {
        loading_bytes += static_cast<double>(loader_memory_bytes(*inputs.validation_set, loader));
    }
    return {.model_bytes = weight_bytes + (kGradientBytes + kMomentBytes) * num_trained,
            .loading_bytes = loading_bytes,
            .checkpoint_bytes = weight_bytes + kMomentBytes * num_trained};
}

}  // namespace ctclip
