#include "evaluate/evaluation_metrics.hpp"

#include "base/error.hpp"
#include "evaluate/ranked_class.hpp"

namespace ctclip {

EvaluationMetrics evaluate_scores(ScoreTable const& table, MetricOptions const& options) {
    require(table.num_samples > 0, ExitCode::kBadInput, "no labelled sample to evaluate");
    std::vector<RankedClass> const ranked = rank_classes(table, options.threshold);
    EvaluationMetrics metrics;
    for (RankedClass const& one : ranked) {
        metrics.classes.push_back(one.evaluate());
    }
    metrics.macro = macro_mean(metrics.classes);
    metrics.weighted = weighted_mean(metrics.classes);

    BootstrapReplicates const replicates = run_bootstrap(ranked, table.num_samples, options.bootstrap);
    for (ReplicateValues const& values : replicates.classes) {
        metrics.class_intervals.push_back(intervals_of(values, options.bootstrap.confidence));
    }
    metrics.macro_intervals = intervals_of(replicates.macro, options.bootstrap.confidence);
    metrics.weighted_intervals = intervals_of(replicates.weighted, options.bootstrap.confidence);
    metrics.official = official_metrics(table);
    metrics.rounded = rounded_metrics(table);
    return metrics;
}

}  // namespace ctclip
