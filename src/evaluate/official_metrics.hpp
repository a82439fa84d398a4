/// The metrics that the published CT-CLIP scripts compute (ibrahimethemhamamci/CT-CLIP), reproduced with
/// their definitions, which are not those of metric.hpp: to compare with published numbers.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "evaluate/metric.hpp"
#include "evaluate/score_table.hpp"

namespace ctclip {

/// The threshold of the grid numpy.linspace(0, 1, 100) that comes closest to the corner TPR = 1, FPR = 0 of
/// the ROC diagram (the last of equals), and the metrics of "score > threshold" on the same data.
struct ThresholdSearch {
    std::size_t grid_index = 0;
    double threshold = 0.0;
    double f1_weighted = 0.0;  ///< F1 of both label values, weighted by how often each is there
    double accuracy = 0.0;
    double precision = 0.0;  ///< of the positives
};

struct OfficialClassMetrics {
    /// Nothing where the script fails: all labels are equal, and at some threshold every prediction equals
    /// them.
    std::optional<ThresholdSearch> search;
    /// At the largest sensitivity + specificity - 1 (the first of equals from high scores down); 0 if none is
    /// above 0; NaN if a score is not finite.
    double youden_sensitivity = kUndefined;
    double youden_specificity = kUndefined;
};

std::vector<OfficialClassMetrics> official_metrics(ScoreTable const& table);

/// The in-training evaluation: scores rounded half to even, all classes together.
struct RoundedMetrics {
    double micro_f1 = kUndefined;       ///< needs two classes or more
    double flat_accuracy = kUndefined;  ///< both NaN if a score does not round to 0 or 1
};
RoundedMetrics rounded_metrics(ScoreTable const& table);

}  // namespace ctclip
