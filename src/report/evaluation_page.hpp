/// The evaluation as one self-contained HTML page: the result in a sentence, the table, ROC curves, the
/// training curves of the run, and how it was made.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "report/svg_plot.hpp"

namespace ctclip {

/// @param evaluation  the content of evaluation.json (src/evaluate/evaluation_record.hpp).
/// @param roc_curves  one per class: (false positive rate, true positive rate).
/// @param training    plots of the run that made the checkpoint; empty when its metrics.jsonl is not at hand.
std::string make_evaluation_page(nlohmann::ordered_json const& evaluation,
                                 std::vector<Series> const& roc_curves,
                                 std::vector<LinePlot> const& training);

/// Loss, gradient norm, loss scale and learning rate over steps, from a run's metrics.jsonl. Lines that
/// cannot be read are left out; a missing file gives no plots.
std::vector<LinePlot> make_training_plots(std::filesystem::path const& metrics_path);

}  // namespace ctclip
