/// What a training run reads before its first step: shards, vocabulary, and what follows from them.
#pragma once

#include <memory>

#include "loader/batch_loader.hpp"
#include "loader/shard_source.hpp"
#include "model/model_options.hpp"
#include "text/wordpiece_tokenizer.hpp"
#include "train/train_options.hpp"

namespace ctclip {

struct RunInputs {
    std::shared_ptr<ShardSource const> training_set;
    std::shared_ptr<ShardSource const> validation_set;  ///< null without data.webdataset_shards_val
    std::shared_ptr<WordPieceTokenizer const> tokenizer;
    ModelOptions model;
    StepPlan plan;
};

/// Not collective: every rank reads for itself.
/// @throws Error kBadConfig where the configuration contradicts itself (a target shape that the patches do
/// not
///         divide, ...), kBadInput for shards or a vocabulary that cannot be used.
RunInputs open_run_inputs(TrainOptions const& options, int world_size);

}  // namespace ctclip
