/// The result of an evaluation, complete and without LibTorch: what the output files are made from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "evaluate/evaluation_metrics.hpp"
#include "evaluate/prompts.hpp"
#include "evaluate/retrieval.hpp"

namespace ctclip {

/// How the numbers came about.
struct EvaluationOrigin {
    std::string checkpoint;  ///< path
    std::int64_t step = 0;
    std::string run_software;  ///< that trained the checkpoint
    std::string shards;
    std::string dataset_digest;
    std::string prompt_set;
    std::string precision;
    int num_ranks = 1;
    double threshold = 0.5;
    BootstrapOptions bootstrap;
};

struct Evaluation {
    EvaluationOrigin origin;
    std::vector<PromptPair> prompts;     ///< (C): the classes
    std::vector<std::string> study_ids;  ///< (N)
    std::vector<float> probabilities;    ///< (N, C) row-major
    std::vector<float> labels;           ///< (N, C): 0, 1, or NaN where a study has no labels
    ScoreTable table;                    ///< of the studies that have labels
    EvaluationMetrics metrics;
    std::optional<RetrievalMetrics> retrieval;  ///< with latents
    NamedArrays latents;  ///< `image_latents`, `text_latents` (N, E) float32; empty unless asked for
};

}  // namespace ctclip
