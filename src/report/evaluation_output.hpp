/// The files and the table that an evaluation leaves.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "evaluate/evaluation.hpp"

namespace ctclip {

/// evaluation.json: per class, macro and weighted, each metric as {value, ci_lower, ci_upper}; undefined is
/// null. With latents also retrieval: the share of reports whose volume is among the first k, and how far the labels of
/// a volume and of the k most similar ones agree.
nlohmann::ordered_json to_json(Evaluation const& evaluation);

/// Writes evaluation.json, scores.csv, latents.safetensors (if there are latents) and report.html, replacing
/// those of an earlier evaluation. Rank 0 only.
/// @param run_metrics  metrics.jsonl of the run that made the checkpoint, for its training curves; may be
/// missing.
/// @throws Error kCannotCreate, kIoError, kNoPermission.
void write_evaluation(Evaluation const& evaluation, std::filesystem::path const& folder,
                      std::filesystem::path const& run_metrics);

/// For a terminal: one row a class, then the means.
std::string evaluation_table(Evaluation const& evaluation);

}  // namespace ctclip
