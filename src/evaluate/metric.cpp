#include "evaluate/metric.hpp"

#include <cmath>

namespace ctclip {

namespace {

template <class WeightOf>
MetricValues mean(std::span<ClassMetrics const> classes, WeightOf weight_of) {
    MetricValues means;
    for (std::size_t metric = 0; metric < kNumMetrics; ++metric) {
        double sum = 0.0;
        double weights = 0.0;
        for (ClassMetrics const& metrics : classes) {
            if (!std::isnan(metrics.values[metric])) {
                sum += metrics.values[metric] * weight_of(metrics);
                weights += weight_of(metrics);
            }
        }
        means.values[metric] = weights > 0.0 ? sum / weights : kUndefined;
    }
    return means;
}

}  // namespace

MetricValues macro_mean(std::span<ClassMetrics const> classes) {
    return mean(classes, [](ClassMetrics const&) { return 1.0; });
}

MetricValues weighted_mean(std::span<ClassMetrics const> classes) {
    return mean(classes,
                [](ClassMetrics const& metrics) { return static_cast<double>(metrics.num_positives); });
}

}  // namespace ctclip
