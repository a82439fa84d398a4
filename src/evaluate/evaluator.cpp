#include "evaluate/evaluator.hpp"

#include <optional>
#include <span>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "dist/gather_bytes.hpp"
#include "evaluate/zero_shot.hpp"
#include "model/model_settings.hpp"
#include "model/tensor_array.hpp"
#include "study/study_table.hpp"

namespace ctclip {
namespace {

/// What the checkpoint's configuration says about the model and its input.
struct TrainedAs {
    ModelSettings model;
    DataOptions data;
};

LoadedCheckpoint find_checkpoint(std::filesystem::path const& path) {
    if (!std::filesystem::is_directory(path)) {
        return {path, read_checkpoint(path, CheckpointParts::kModel)};
    }
    std::filesystem::path const inside = path / "checkpoints";
    std::filesystem::path const folder = std::filesystem::is_directory(inside) ? inside : path;
    auto found = load_newest_valid(folder, CheckpointParts::kModel);
    require(found.has_value(), ExitCode::kBadInput, "{}: holds no checkpoint (step-*.h5). If the run kept them elsewhere (checkpoint.save_dir), name that "
            "folder.",
            folder.string());
    return std::move(*found);
}

/// Rank 0 looks; the others read what it found: a run that is still training may save in between.
LoadedCheckpoint load_checkpoint(std::filesystem::path const& path, Communicator& host) {
    std::optional<LoadedCheckpoint> found;
    if (host.rank() == 0) {
        found = find_checkpoint(path);
    }
    std::filesystem::path const chosen = broadcast_text(found ? found->path.string() : "", 0, host);
    return found ? std::move(*found)
                 : LoadedCheckpoint{chosen, read_checkpoint(chosen, CheckpointParts::kModel)};
}

void read_configuration(LoadedCheckpoint const& checkpoint, TrainedAs& trained_as) {
    Schema schema;
    trained_as.model.bind(schema);
    trained_as.data.bind(schema);
    for (char const* const section : {"experiment", "training", "validation", "checkpoint", "logging",
                                      "device", "run", "convert", "evaluate"}) {
        schema.section_of_other_program(section);
    }
    for (char const* const key : {"model.clip.negatives", "model.clip.decoupled"}) {
        schema.accepted_but_unused(key, "");  // of the training loss
    }
    schema.load_text(checkpoint.state.info.config, checkpoint.path.string() + " (its configuration)");
    schema.check();
}

std::shared_ptr<WordPieceTokenizer const> load_tokenizer(EvaluateOptions const& options,
                                                         ModelSettings const& model) {
    std::filesystem::path const path =
        options.vocab_file.empty() ? model.vocabulary_path() : options.vocab_file;
    require(std::filesystem::exists(path), ExitCode::kBadInput,
            "{}: the vocabulary that the checkpoint was trained with is not there; say where it is with "
            "evaluate.vocab_file",
            path.string());
    return std::make_shared<WordPieceTokenizer const>(Vocabulary::load(path));
}

LoaderOptions make_loader_options(EvaluateOptions const& options, TrainedAs const& trained_as,
                                  Communicator const& host) {
    LoaderOptions loader;
    loader.data = trained_as.data;
    loader.data.batch_size = options.batch_size;
    loader.data.num_workers = options.num_workers;
    loader.data.shuffle = false;
    loader.data.bad_samples = BadSamplePolicy::kFail;  // a replacement would be scored twice
    loader.remainder = Remainder::kPad;
    loader.epochs = Epochs::kOne;
    loader.max_tokens = trained_as.model.max_length;
    loader.rank = host.rank();
    loader.world_size = host.world_size();
    return loader;
}

std::vector<float> to_vector(at::Tensor const& tensor) {
    auto const* const begin = tensor.const_data_ptr<float>();
    return {begin, begin + tensor.numel()};
}

}  // namespace

Evaluation evaluate(EvaluateOptions const& options, EvaluateWorld const& world) {
    LoadedCheckpoint const checkpoint = load_checkpoint(options.checkpoint, world.host);
    TrainedAs trained_as;
    read_configuration(checkpoint, trained_as);
    auto const tokenizer = load_tokenizer(options, trained_as.model);
    PrecisionPolicy const policy(options.precision);
    ModelOptions const sizes =
        trained_as.model.options(static_cast<std::int64_t>(tokenizer->vocabulary().size()));
    ParameterSet parameters(sizes, world.device, policy.master());
    parameters.load(checkpoint.state.model);
    ClipModel const model(sizes, parameters, policy);

    auto const source = open_dataset(options.dataset);
    std::int64_t const num_samples = options.num_samples.value_or(source->size());
    Evaluation evaluation;
    evaluation.origin = {.checkpoint = checkpoint.path.string(),
                         .step = checkpoint.state.info.step,
                         .run_software = checkpoint.state.info.software,
                         .shards = options.dataset.place(),
                         .dataset_digest = source->digest(),
                         .prompt_set = options.prompts,
                         .precision = std::string(name_of(options.precision)),
                         .num_ranks = world.host.world_size(),
                         .threshold = options.threshold,
                         .bootstrap = {.num_replicates = static_cast<std::size_t>(options.bootstrap)}};
    evaluation.prompts = make_prompts(options.prompts, {kAbnormalityNames.begin(), kAbnormalityNames.end()});
    if (world.host.rank() == 0) {
        log_info("scoring {} of {} studies with {} (step {}), {} classes",
                 std::min(num_samples, source->size()), source->size(), evaluation.origin.checkpoint,
                 evaluation.origin.step, evaluation.prompts.size());
    }
    if (world.is_dry_run) {
        return evaluation;
    }

    BatchLoader loader(source, make_loader_options(options, trained_as, world.host), tokenizer,
                       SamplerState{});
    ZeroShotClassifier const classifier(model, *tokenizer, evaluation.prompts, trained_as.model.max_length,
                                        world.device);
    ZeroShotScores const scores = gather_scores(
        classifier.score(loader, options.latents ? KeepLatents::kYes : KeepLatents::kNo, num_samples),
        world.host);
    evaluation.study_ids = scores.study_ids;
    evaluation.probabilities = to_vector(scores.probabilities);
    evaluation.labels = to_vector(scores.labels);
    evaluation.table = to_score_table(scores, evaluation.prompts);
    evaluation.metrics = evaluate_scores(
        evaluation.table, {.threshold = options.threshold, .bootstrap = evaluation.origin.bootstrap});
    if (options.latents) {
        evaluation.latents.emplace("image_latents", to_array(scores.image_latents));
        evaluation.latents.emplace("text_latents", to_array(scores.text_latents));
    }
    return evaluation;
}

}  // namespace ctclip
