/// All metrics of one evaluation: what evaluation.json and the terminal table show.
#pragma once

#include <vector>

#include "evaluate/bootstrap.hpp"
#include "evaluate/metric.hpp"
#include "evaluate/official_metrics.hpp"
#include "evaluate/score_table.hpp"

namespace ctclip {

struct MetricOptions {
    double threshold = 0.5;  ///< of precision, recall, specificity, accuracy: predicted if score >= threshold
    BootstrapOptions bootstrap;
};

struct EvaluationMetrics {
    std::vector<ClassMetrics> classes;  ///< in the order of the table's class names
    MetricValues macro;
    MetricValues weighted;
    /// All from the same resamples; NaN without replicates, or where a metric was defined in none.
    std::vector<MetricIntervals> class_intervals;
    MetricIntervals macro_intervals;
    MetricIntervals weighted_intervals;
    std::vector<OfficialClassMetrics> official;
    RoundedMetrics rounded;
};

/// 18 classes, 3,039 samples and 1,000 replicates take well under a second. Not collective.
/// @throws Error kBadInput if the table holds no sample.
EvaluationMetrics evaluate_scores(ScoreTable const& table, MetricOptions const& options);

}  // namespace ctclip
