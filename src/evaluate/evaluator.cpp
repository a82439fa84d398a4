#include "evaluate/evaluator.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/build_info.hpp"
#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/stop_signal.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "dist/gather_bytes.hpp"
#include "evaluate/partial_scores.hpp"
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
    require(found.has_value(), ExitCode::kBadInput,
            "{}: holds no checkpoint (step-*.h5). If the run kept them elsewhere (checkpoint.save_dir), name that "
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

std::filesystem::path find_vocabulary(EvaluateOptions const& options, ModelSettings const& model) {
    std::filesystem::path const path =
        options.vocab_file.empty() ? model.vocabulary_path() : options.vocab_file;
    require(std::filesystem::exists(path), ExitCode::kBadInput,
            "{}: the vocabulary that the checkpoint was trained with is not there; say where it is with "
            "evaluate.vocab_file",
            path.string());
    return path;
}

LoaderOptions make_loader_options(EvaluateOptions const& options, TrainedAs const& trained_as,
                                  Communicator const& host) {
    LoaderOptions loader = scoring_loader_options(trained_as.data, options.num_samples, host);
    loader.data.batch_size = options.batch_size;
    loader.data.num_workers = options.num_workers;
    loader.max_tokens = trained_as.model.max_length;
    return loader;
}

/// Of everything that a study's scores depend on. A checkpoint is told by its name, size and time: reading all of
/// it again would take longer than many a rest of an evaluation.
std::string digest_inputs(EvaluateOptions const& options, Evaluation const& evaluation,
                          std::filesystem::path const& vocabulary) {
    std::filesystem::path const checkpoint = evaluation.origin.checkpoint;
    nlohmann::json inputs = {
        {"software", software_name()},
        {"checkpoint", std::filesystem::absolute(checkpoint).string()},
        {"checkpoint_bytes", std::filesystem::file_size(checkpoint)},
        {"checkpoint_time", std::filesystem::last_write_time(checkpoint).time_since_epoch().count()},
        {"vocabulary", sha256_hex(read_text_file(vocabulary))},
        {"dataset", evaluation.origin.dataset_digest},
        {"precision", evaluation.origin.precision},
        {"latents", options.latents}};
    for (PromptPair const& pair : evaluation.prompts) {
        inputs["prompts"].push_back({pair.positive, pair.negative});
    }
    return sha256_hex(inputs.dump());
}

/// Scores all studies, or throws Stopped with the scores so far saved.
ZeroShotScores score_all(EvaluateOptions const& options, EvaluateWorld const& world,
                         ZeroShotClassifier const& classifier, std::shared_ptr<SampleSource const> const& source,
                         LoaderOptions const& loader_options,
                         std::shared_ptr<WordPieceTokenizer const> const& tokenizer, std::string const& inputs) {
    bool const is_root = world.host.rank() == 0;
    ZeroShotScores mine;
    if (is_root) {
        mine = load_partial_scores(options.output, inputs);
    }
    auto num_before = static_cast<std::int64_t>(mine.study_ids.size());
    world.host.broadcast(&num_before, sizeof num_before, 0);
    std::int64_t const num_wanted = std::min(options.num_samples.value_or(source->size()), source->size());
    if (num_before > num_wanted) {  // of an evaluation of more studies
        mine = {};
        num_before = 0;
    }
    if (is_root && num_before > 0) {
        log_info("going on after {} studies that are scored already", num_before);
    }
    SamplerState start;
    start.position = num_before;
    DeviceLoader loader(source, loader_options, options.latents ? tokenizer : nullptr, start, world.device,
                        PrecisionPolicy(options.precision).model_input());
    bool is_stopped = false;
    append(mine, classifier.score(loader, options.latents ? KeepLatents::kYes : KeepLatents::kNo, [&] {
        is_stopped = any_rank(world.stop_requested(), world.host);
        return !is_stopped;
    }));
    ZeroShotScores all = gather_scores(mine, world.host);
    if (is_stopped) {
        if (is_root) {
            save_partial_scores(options.output, all, inputs);
        }
        throw Stopped(fmt::format("stopped after {} of {} studies; the same command goes on from there",
                                  all.study_ids.size(), num_wanted));
    }
    return all;
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
    std::filesystem::path const vocabulary = find_vocabulary(options, trained_as.model);
    auto const tokenizer = std::make_shared<WordPieceTokenizer const>(Vocabulary::load(vocabulary));
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

    ZeroShotClassifier const classifier(model, *tokenizer, evaluation.prompts, trained_as.model.max_length,
                                        world.device);
    ZeroShotScores const scores =
        score_all(options, world, classifier, source, make_loader_options(options, trained_as, world.host), tokenizer,
                  digest_inputs(options, evaluation, vocabulary));
    evaluation.study_ids = scores.study_ids;
    evaluation.probabilities = to_vector(scores.probabilities);
    evaluation.labels = to_vector(scores.labels);
    evaluation.table = to_score_table(scores, evaluation.prompts);
    evaluation.metrics = evaluate_scores(
        evaluation.table, {.threshold = options.threshold, .bootstrap = evaluation.origin.bootstrap});
    if (options.latents) {
        evaluation.latents.emplace("image_latents", to_array(scores.image_latents));
        evaluation.latents.emplace("text_latents", to_array(scores.text_latents));
        evaluation.retrieval = measure_retrieval(evaluation.latents.at("image_latents").as<float>(),
                                                 evaluation.latents.at("text_latents").as<float>(),
                                                 static_cast<std::size_t>(scores.image_latents.size(1)),
                                                 evaluation.labels, evaluation.prompts.size());
    }
    return evaluation;
}

}  // namespace ctclip
