/// What an evaluation had scored when it was stopped, kept in its output folder, so that the same command goes on
/// from there. Rank 0 only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "evaluate/zero_shot.hpp"

namespace ctclip {

/// @param scores  of the first studies of the dataset, gathered.
/// @param inputs  digest of everything that the scores depend on.
/// @throws Error kCannotCreate, kIoError, kNoPermission.
void save_partial_scores(std::filesystem::path const& folder, ZeroShotScores const& scores,
                         std::string const& inputs);

/// Empty where there are none, or those of other inputs.
ZeroShotScores load_partial_scores(std::filesystem::path const& folder, std::string const& inputs);

/// Once the evaluation is written.
void remove_partial_scores(std::filesystem::path const& folder);

}  // namespace ctclip
