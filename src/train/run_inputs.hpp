/// What a training run reads before its first step: data sets, vocabulary, and what follows from them.
#pragma once

#include <memory>

#include "dist/communicator.hpp"
#include "loader/batch_loader.hpp"
#include "model/model_options.hpp"
#include "text/wordpiece_tokenizer.hpp"
#include "train/train_options.hpp"

namespace ctclip {

struct RunInputs {
    std::shared_ptr<SampleSource const> training_set;
    std::shared_ptr<SampleSource const> validation_set;  ///< null if none is configured
    std::shared_ptr<WordPieceTokenizer const> tokenizer;
    ModelOptions model;
    StepPlan plan;
};

/// Samples that one optimizer step takes over all ranks.
std::int64_t global_batch(TrainOptions const& options, int world_size);

/// Not collective: every rank reads for itself.
/// @throws Error kBadConfig where the configuration contradicts itself (a target shape that the patches do
/// not
///         divide, ...), kBadInput for data or a vocabulary that cannot be used.
RunInputs open_run_inputs(TrainOptions const& options, int world_size);

/// How the training set is loaded on one rank.
LoaderOptions training_loader_options(TrainOptions const& options, Communicator const& ranks);
/// How batches of a step that went wrong are read again, beside the run's own loader: in little memory.
LoaderOptions second_look_loader_options(TrainOptions const& options, Communicator const& ranks);

}  // namespace ctclip
