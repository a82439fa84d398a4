#include "train/run_size.hpp"

#include <algorithm>

#include "model/device_loader.hpp"

namespace ctclip {
namespace {

/// float32 gradient and two moments beside the weight of a trained parameter.
constexpr double kGradientBytes = 4.0;
constexpr double kMomentBytes = 8.0;

}  // namespace

RunSize size_of_run(TrainOptions const& options, RunInputs const& inputs, ParameterSet const& parameters,
                    TrainWorld const& world) {
    auto const bytes_of = [&](SampleSource const& source, LoaderOptions loader) {
        loader.form = volume_form(options.data.preprocess_on, world.device);
        return static_cast<double>(loader_memory_bytes(source, loader));
    };
    LoaderOptions const training = training_loader_options(options, world.host);
    double beside_bytes = bytes_of(*inputs.training_set, second_look_loader_options(options, world.host));
    if (inputs.validation_set) {  // never at the same time
        beside_bytes = std::max(beside_bytes, bytes_of(*inputs.validation_set, training));
    }
    double weight_bytes = 0.0;
    for (Parameter const& parameter : parameters.entries()) {
        weight_bytes += static_cast<double>(parameter.tensor.nbytes());
    }
    auto const num_trained = static_cast<double>(parameters.num_trained_parameters());
    return {.model_bytes = weight_bytes + (kGradientBytes + kMomentBytes) * num_trained,
            .loading_bytes = bytes_of(*inputs.training_set, training) + beside_bytes,
            .checkpoint_bytes = weight_bytes + kMomentBytes * num_trained};
}

}  // namespace ctclip
