#include "evaluate/evaluate_options.hpp"

#include "dist/pulse.hpp"

namespace ctclip {

namespace {

/// As ctclip-convert takes them.
void bind_volumes(Schema& schema, DatasetOptions& dataset) {
    VolumeFolder& folder = dataset.folder;
    schema
        .key("evaluate.volumes", folder.volumes,
             "in place of shards: folder of .npz, .nii or .nii.gz volumes, read without conversion")
        .flag("--volumes");
    schema.key("evaluate.reports", folder.reports, "CSV of reports of the volumes").flag("--reports");
    schema.key("evaluate.metadata", folder.metadata, "CSV of their spacings, slopes and intercepts")
        .flag("--metadata");
    schema.key("evaluate.labels", folder.labels, "CSV of their 18 labels").flag("--labels");
    schema.key("evaluate.npz_key", dataset.reading.npz_key,
               "array in each NPZ; auto: the first of data, volume, arr_0, arr");
    schema.choice("evaluate.rescale", dataset.reading.rescale, rescale_names(),
                  "volumes: use the CSV's slope and intercept; or the voxels are HU already; or check each");
    schema.choice("evaluate.nifti_orientation", dataset.reading.nifti_orientation, orientation_names(),
                  "volumes: where a NIfTI's sform and qform contradict each other: stop; or go on by the sform");
    schema.rule("evaluate.shards", [&dataset] {
        return dataset.is_given() ? "" : "is missing (or evaluate.volumes): what to score";
    });
    schema.rule("evaluate.volumes", [&dataset] { return dataset.find_problem(); });
}

}  // namespace

void EvaluateOptions::bind(Schema& schema) {
    schema.key("evaluate.shards", dataset.shards, "shards to score: a folder, tars, a glob or a range")
        .flag("--shards");
    bind_volumes(schema, dataset);
    schema.key("evaluate.checkpoint", checkpoint, "checkpoint, or a run folder (its newest valid one)")
        .required()
        .flag("--checkpoint");
    schema.key("evaluate.output", output, "folder for the results").required().flag("--output");
    schema.key("evaluate.prompts", prompts, "there_is, is_present, or a JSON file with sentences")
        .flag("--prompts");
    schema.key("evaluate.bootstrap", bootstrap, "replicates of the intervals; 0: none")
        .min(0)
        .max(1000000)
        .flag("--bootstrap");
    schema.key("evaluate.latents", latents, "also write latents.safetensors").flag("--latents");
    schema
        .key("evaluate.vocab_file", vocab_file,
             "vocabulary; empty: the one that the checkpoint was trained with")
        .flag("--vocab-file");
    schema.key("evaluate.batch_size", batch_size, "volumes per rank at a time").positive();
    schema.key("evaluate.num_workers", num_workers, "loading threads per rank").min(0).max(1024);
    schema.key("evaluate.threshold", threshold, "of precision, recall, specificity and accuracy")
        .min(0.0)
        .max(1.0);
    schema.key("evaluate.num_samples", num_samples, "score only the first so many; null: all").positive();
    schema.choice(
        "evaluate.mixed_precision", precision,
        {{"fp32", ComputeType::kFloat}, {"bf16", ComputeType::kBFloat16}, {"fp16", ComputeType::kHalf}},
        "compute type of the encoders");
    schema
        .key("evaluate.hang_timeout_s", hang_timeout_s,
             "end the job (exit 75) when a rank gives no sign of life for so long; 0: never")
        .min(0.0);
    schema.rule("evaluate.hang_timeout_s", [this] { return find_silence_limit_problem(hang_timeout_s); });
    schema
        .key("evaluate.stall_timeout_s", stall_timeout_s,
             "the same when no rank gets any further: start, one batch, the metrics")
        .positive();
    device.bind(schema);
    for (char const* const section : {"experiment", "data", "model", "training", "validation", "checkpoint",
                                      "logging", "run", "convert"}) {
        schema.section_of_other_program(section);
    }
}

}  // namespace ctclip
