/// The metrics of CTCLIP_MODERN's evaluator, by name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace ctclip {

enum class Metric : std::size_t { kAuroc, kAuprc, kF1, kPrecision, kRecall, kSpecificity, kAccuracy };

/// In the order of Metric.
inline constexpr std::array<std::string_view, 7> kMetricNames{"auroc",  "auprc",       "f1",      "precision",
                                                              "recall", "specificity", "accuracy"};
inline constexpr std::size_t kNumMetrics = kMetricNames.size();
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// One value a metric; NaN where it is undefined.
struct MetricValues {
    std::array<double, kNumMetrics> values = filled(kUndefined);

    double& operator[](Metric metric) { return values[static_cast<std::size_t>(metric)]; }
    double operator[](Metric metric) const { return values[static_cast<std::size_t>(metric)]; }

    static constexpr std::array<double, kNumMetrics> filled(double value) {
        std::array<double, kNumMetrics> all{};
        all.fill(value);
        return all;
    }
};

/// - auroc: probability that a positive scores higher than a negative, ties counting 1/2 (Mann-Whitney).
/// - auprc: average precision, sum over distinct thresholds of (R_n - R_(n-1)) P_n, no interpolation.
/// - f1: the best 2PR/(P+R+1e-10) over all thresholds score >= t, chosen on the data that it is computed
/// from.
/// - precision, recall, specificity, accuracy: at score >= the fixed threshold; 0/0 is 0.
/// A class of which all labels are equal has no metric. A NaN or infinite score leaves the class only those
/// of the fixed threshold (NaN is never predicted).
struct ClassMetrics : MetricValues {
    double f1_threshold = kUndefined;  ///< the lowest threshold that gives f1
    std::int64_t num_positives = 0;
};

/// Plain mean over the classes where the metric is defined.
MetricValues macro_mean(std::span<ClassMetrics const> classes);
/// Mean weighted by the number of positives, over the same classes.
MetricValues weighted_mean(std::span<ClassMetrics const> classes);

}  // namespace ctclip
