#include "train/initial_weights.hpp"

#include "base/log.hpp"
#include "base/splitmix64.hpp"
#include "checkpoint/parameter_keys.hpp"

namespace ctclip {

void initialise_weights(ParameterSet& parameters, TrainOptions const& options, ModelOptions const& model,
                        bool is_speaking) {
    parameters.initialise(derive_seed(static_cast<std::uint64_t>(options.experiment.seed), "weights"));
    if (options.model.init_from.empty()) {
        return;
    }
    std::string const path = options.model.init_from.string();
    WeightMapping const mapping = map_weights(read_weight_file(path), key_table(parameter_layout(model)), path);
    require_fit(mapping, path);
    require_finite(mapping.tensors, path);
    parameters.overlay(mapping.tensors);
    if (is_speaking) {
        log_info("weights from {} ({}): {} tensors; {} that it lacks keep their initial values, {} are not needed",
                 path, layout_name(mapping.layout), mapping.tensors.size(), mapping.absent.size(),
                 mapping.ignored.size());
    }
}

}  // namespace ctclip
