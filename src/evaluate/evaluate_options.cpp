#include "evaluate/evaluate_options.hpp"

namespace ctclip {

void EvaluateOptions::bind(Schema& schema) {
    schema.key("evaluate.shards", shards, "shards to score: a folder, tars, a glob or a range")
        .required()
        .flag("--shards");
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
    for (char const* const section : {"experiment", "data", "model", "training", "validation", "checkpoint",
                                      "logging", "device", "run", "convert"}) {
        schema.section_of_other_program(section);
    }
}

}  // namespace ctclip
