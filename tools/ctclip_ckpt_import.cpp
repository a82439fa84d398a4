// ctclip-ckpt import: published, Python-trained or BERT weights become a checkpoint, to be evaluated or to start runs
// from (model.init_from). It is no state that a run goes on from: it holds no optimizer, schedule or place in the data.
#include <nlohmann/json.hpp>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/splitmix64.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/parameter_keys.hpp"
#include "loader/data_options.hpp"
#include "model/model_settings.hpp"
#include "model/parameter_set.hpp"
#include "text/vocabulary.hpp"
#include "tools/ctclip_ckpt.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

struct ImportOptions {
    std::filesystem::path file;
    std::filesystem::path config;
    std::filesystem::path output;
    bool allow_unexpected = false;
    bool allow_non_finite = false;
};

/// What ctclip-evaluate takes from a checkpoint: the model, and how its input is made.
struct Configuration {
    ModelSettings model;
    DataOptions data;
    std::int64_t seed = 2025;
    std::string yaml;
};

Configuration read_configuration(std::filesystem::path const& path) {
    Configuration configuration;
    Schema schema;
    configuration.model.bind(schema);
    configuration.data.bind(schema);
    schema.key("experiment.seed", configuration.seed, "of the values that the file does not hold");
    for (char const* section : {"convert", "experiment", "data", "model", "training", "validation",
                                "checkpoint", "logging", "device", "run", "evaluate"}) {
        schema.section_of_other_program(section);
    }
    // Sections of which a key is used here must list the others (configs/base_config.yaml has them all).
    for (char const* key : {"experiment.name", "experiment.tags", "experiment.notes", "model.clip.negatives",
                            "model.clip.decoupled"}) {
        schema.accepted_but_unused(key, "");
    }
    schema.load_file(path);
    schema.check();
    configuration.yaml = schema.values_yaml();
    return configuration;
}

/// From the vocabulary where the configuration names one, otherwise from the file itself.
std::int64_t vocabulary_size(ModelSettings const& settings, WeightFile const& file) {
    if (!settings.vocab_file.empty() || !settings.text_encoder_path.empty()) {
        return static_cast<std::int64_t>(Vocabulary::load(settings.vocabulary_path()).size());
    }
    for (auto const& [name, array] : file.tensors) {
        if (name.ends_with("embeddings.word_embeddings.weight") && array.shape.size() == 2) {
            return array.shape[0];
        }
    }
    return ModelOptions().text.vocab_size;
}

ordered_json to_json(WeightMapping const& mapping) {
    return {{"layout", layout_name(mapping.layout)},
            {"num_tensors", mapping.tensors.size()},
            {"missing", mapping.missing},
            {"mismatched", mapping.mismatched},
            {"unexpected", mapping.unexpected},
            {"ignored", mapping.ignored},
            {"conflict", mapping.conflict},
            {"absent", mapping.absent}};
}

/// Takes what is unexpected out of the mapping where that is allowed.
void check_mapping(ToolContext& tool, WeightMapping& mapping, ImportOptions const& options) {
    if (tool.is_json()) {
        ordered_json record{{"schema", "ctclip.ckpt.import/1"}, {"file", options.file.string()}};
        record.update(to_json(mapping));
        tool.write_json(record);
    }
    if (options.allow_unexpected) {
        mapping.unexpected.clear();
    }
    require_fit(mapping, options.file.string());
    if (!options.allow_non_finite) {
        require_finite(mapping.tensors, options.file.string());
    }
}

ExitCode import_weights(ToolContext& tool, ImportOptions const& options) {
    Configuration const configuration = read_configuration(options.config);
    WeightFile file = read_weight_file(options.file);
    ModelOptions const model = configuration.model.options(vocabulary_size(configuration.model, file));
    std::string const format = file.format;
    WeightMapping mapping =
        map_weights(std::move(file), key_table(parameter_layout(model)), options.file.string());
    check_mapping(tool, mapping, options);

    ParameterSet parameters(model, at::kCPU, at::kFloat);
    parameters.initialise(derive_seed(static_cast<std::uint64_t>(configuration.seed), "weights"));
    parameters.overlay(mapping.tensors);
    TrainState state;
    state.info.precision = "fp32";
    state.info.config = configuration.yaml;
    state.info.software = software_name();
    state.model = parameters.to_arrays();
    write_checkpoint(options.output, std::move(state));
    if (!tool.is_json()) {
        tool.print(
            "{}: {} tensors from {} ({}, layout {}); {} that it lacks have initial values, {} are not "
            "needed\n",
            options.output.string(), mapping.tensors.size(), options.file.string(), format,
            layout_name(mapping.layout), mapping.absent.size(), mapping.ignored.size());
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand ckpt_import_command() {
    return make_command<ImportOptions>(
        "import",
        "makes a checkpoint of weights of Python (CT-CLIP, CTCLIP_MODERN, a BERT alone), for ctclip-evaluate and "
        "model.init_from",
        {{"ctclip-ckpt import CT-CLIP_v2.pt --config configs/base_config.yaml --output ct_clip_v2.h5",
          "nothing in the file is executed; missing, unexpected and mismatched tensors are named"},
         {"ctclip-ckpt import pytorch_model.bin --config C --output bert.h5",
          "a BERT fills the text encoder; the rest gets initial values from experiment.seed"},
         {"ctclip-train --config C --set model.init_from=ct_clip_v2.h5 --set run.dir=runs/tuned",
          "a run that starts from these weights"}},
        [](Schema& schema, ImportOptions& options) {
            schema
                .positional("FILE", options.file, ".pt, .bin, .safetensors, .safetensors.index.json, or .h5")
                .required();
            schema.option("--config", options.config, "YAML configuration with the model's sizes").required();
            schema.option("--output", options.output, "checkpoint to write; it must not exist").required();
            schema.option("--allow-unexpected", options.allow_unexpected,
                          "leave out tensors of no known use");
            schema.option("--allow-non-finite", options.allow_non_finite, "accept NaN and infinite weights");
        },
        import_weights);
}

}  // namespace ctclip
