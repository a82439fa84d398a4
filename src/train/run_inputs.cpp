#include "train/run_inputs.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"

namespace ctclip {
namespace {

void require_fitting_input(DataOptions const& data, ImageEncoderOptions const& image) {
    std::int64_t const slices = data.target_shape[0];
    require(slices % image.temporal_patch_size == 0, ExitCode::kBadConfig,
            "data.target_shape has {} slices, not a multiple of model.image_encoder.temporal_patch_size = {}",
            slices, image.temporal_patch_size);
    require(data.target_shape[1] == image.image_height && data.target_shape[2] == image.image_width,
            ExitCode::kBadConfig,
            "data.target_shape gives slices of {} x {}, but model.image_encoder.image_size = {}: the model "
            "cannot take "
            "them. Set both to the same size.",
            data.target_shape[1], data.target_shape[2], image.image_height);
}

/// Scores need labels: said before the training that would end without them.
void require_labels(SampleSource const& validation_set, TrainOptions const& options) {
    std::int64_t const num_scored =
        std::min(options.validation.eval_samples.value_or(validation_set.size()), validation_set.size());
    for (std::int64_t index = 0; index < num_scored; ++index) {
        if (validation_set.has_labels(index)) {
            return;
        }
    }
    fail(ExitCode::kBadInput,
         "{}: none of the first {} samples has labels (a .labels member), so that validation could not score "
         "anything. Convert the set with its labels, or leave data.webdataset_shards_val empty.",
         options.data.validation_set().place(), num_scored);
}

}  // namespace

std::int64_t global_batch(TrainOptions const& options, int world_size) {
    return options.data.batch_size * world_size * options.training.gradient_accumulation_steps;
}

RunInputs open_run_inputs(TrainOptions const& options, int world_size) {
    require(
        options.data.training_set().is_given(), ExitCode::kBadConfig,
        "neither data.webdataset_shards_train nor data.volumes_train is set: there is nothing to train on");
    RunInputs inputs;
    inputs.tokenizer =
        std::make_shared<WordPieceTokenizer const>(Vocabulary::load(options.model.vocabulary_path()));
    inputs.model = options.model.options(static_cast<std::int64_t>(inputs.tokenizer->vocabulary().size()));
    require_fitting_input(options.data, inputs.model.image);

    inputs.training_set = open_dataset(options.data.training_set());
    inputs.plan = make_step_plan(options, inputs.training_set->size(), global_batch(options, world_size));
    if (options.data.validation_set().is_given()) {
        inputs.validation_set = open_dataset(options.data.validation_set());
        require_labels(*inputs.validation_set, options);
    }
    return inputs;
}

LoaderOptions training_loader_options(TrainOptions const& options, Communicator const& ranks) {
    LoaderOptions loader;
    loader.data = options.data;
    // Bad samples count over all ranks and lives (bad_sample_budget.hpp): none of them ends one rank alone.
    loader.data.max_bad_samples = std::numeric_limits<std::int64_t>::max();
    loader.max_tokens = options.model.max_length;
    loader.rank = ranks.rank();
    loader.world_size = ranks.world_size();
    return loader;
}

LoaderOptions second_look_loader_options(TrainOptions const& options, Communicator const& ranks) {
    LoaderOptions loader = training_loader_options(options, ranks);
    loader.data.num_workers = 0;
    loader.data.prefetch_factor = 1;
    return loader;
}

}  // namespace ctclip
