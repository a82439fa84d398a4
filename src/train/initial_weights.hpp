/// What a run starts from when it has no checkpoint of its own.
#pragma once

#include "model/parameter_set.hpp"
#include "train/train_options.hpp"

namespace ctclip {

/// Values from `experiment.seed`, over which the weights of `model.init_from` come where that is set; what such a file
/// may lack (a BERT: all but the text encoder) keeps the values of the seed. Every rank for itself; all get the same.
/// @param is_speaking  of one rank: says what the file held.
/// @throws Error kBadInput for a file that cannot be read, does not fit, or holds NaN or infinities.
void initialise_weights(ParameterSet& parameters, TrainOptions const& options, ModelOptions const& model,
                        bool is_speaking);

}  // namespace ctclip
