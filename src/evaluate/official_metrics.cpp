#include "evaluate/official_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "evaluate/ranked_class.hpp"

namespace ctclip {

namespace {

struct Confusion {
    std::int64_t true_positives = 0;
    std::int64_t false_positives = 0;
    std::int64_t false_negatives = 0;
    std::int64_t true_negatives = 0;

    void add(bool is_predicted, bool is_positive) {
        (is_predicted  ? is_positive ? true_positives : false_positives
         : is_positive ? false_negatives
                       : true_negatives) += 1;
    }
    std::int64_t total() const { return true_positives + false_positives + false_negatives + true_negatives; }
    /// One value only, in labels and predictions alike.
    bool is_one_value() const { return true_positives == total() || true_negatives == total(); }
    /// To the corner of the ROC diagram; NaN if a rate is undefined.
    double corner_distance() const {
        double const missed = 1.0 - rate(true_positives, true_positives + false_negatives);
        double const false_alarms = rate(false_positives, false_positives + true_negatives);
        return std::sqrt(missed * missed + false_alarms * false_alarms);
    }
    double f1_weighted() const {
        std::int64_t const positives = true_positives + false_negatives;
        std::int64_t const negatives = total() - positives;
        std::int64_t const mistakes = false_positives + false_negatives;
        double const of_positives =
            positives == 0 ? 0.0 : rate(2 * true_positives, 2 * true_positives + mistakes);
        double const of_negatives =
            negatives == 0 ? 0.0 : rate(2 * true_negatives, 2 * true_negatives + mistakes);
        return (of_positives * static_cast<double>(positives) +
                of_negatives * static_cast<double>(negatives)) /
               static_cast<double>(total());
    }
    double accuracy() const { return rate(true_positives + true_negatives, total()); }
    double precision() const {
        std::int64_t const predicted = true_positives + false_positives;
        return predicted == 0 ? 0.0 : rate(true_positives, predicted);
    }

    static double rate(std::int64_t part, std::int64_t whole) {
        return static_cast<double>(part) / static_cast<double>(whole);  // 0/0 is NaN
    }
};

Confusion confusion_above(std::span<double const> scores, std::span<std::uint8_t const> labels,
                          double threshold) {
    Confusion confusion;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        confusion.add(scores[i] > threshold, labels[i] != 0);
    }
    return confusion;
}

std::optional<ThresholdSearch> search_threshold(std::span<double const> scores,
                                                std::span<std::uint8_t const> labels) {
    constexpr std::size_t kGridSize = 100;
    constexpr double kStep = 1.0 / (kGridSize - 1);
    double best_distance = std::numeric_limits<double>::infinity();
    ThresholdSearch search;
    for (std::size_t k = 0; k < kGridSize; ++k) {
        double const threshold = k + 1 == kGridSize ? 1.0 : static_cast<double>(k) * kStep;
        Confusion const confusion = confusion_above(scores, labels, threshold);
        if (confusion.is_one_value()) {
            return std::nullopt;
        }
        double const distance = confusion.corner_distance();
        if (distance <= best_distance) {
            best_distance = distance;
            search.grid_index = k;
            search.threshold = threshold;
        }
    }
    Confusion const confusion = confusion_above(scores, labels, search.threshold);
    search.f1_weighted = confusion.f1_weighted();
    search.accuracy = confusion.accuracy();
    search.precision = confusion.precision();
    return search;
}

/// Without the points inside straight runs of the curve, as scikit-learn's roc_curve returns it.
std::vector<RankedClass::CurvePoint> corners_of(std::vector<RankedClass::CurvePoint> const& curve) {
    std::vector<RankedClass::CurvePoint> corners;
    for (std::size_t i = 0; i < curve.size(); ++i) {
        bool const is_end = i == 0 || i + 1 == curve.size();
        auto const bends = [&](auto member) {
            return curve[i + 1].*member - curve[i].*member != curve[i].*member - curve[i - 1].*member;
        };
        if (is_end || bends(&RankedClass::CurvePoint::true_positives) ||
            bends(&RankedClass::CurvePoint::false_positives)) {
            corners.push_back(curve[i]);
        }
    }
    return corners;
}

void find_youden_point(RankedClass const& ranked, OfficialClassMetrics& metrics) {
    if (!ranked.has_only_finite_scores()) {
        return;
    }
    metrics.youden_sensitivity = 0.0;
    metrics.youden_specificity = 0.0;
    std::vector<RankedClass::CurvePoint> const curve = corners_of(ranked.curve());
    double best = 0.0;
    for (RankedClass::CurvePoint const& point : curve) {
        double const sensitivity = Confusion::rate(point.true_positives, curve.back().true_positives);
        double const false_alarms = Confusion::rate(point.false_positives, curve.back().false_positives);
        if (sensitivity - false_alarms > best) {
            best = sensitivity - false_alarms;
            metrics.youden_sensitivity = sensitivity;
            metrics.youden_specificity = 1.0 - false_alarms;
        }
    }
}

}  // namespace

std::vector<OfficialClassMetrics> official_metrics(ScoreTable const& table) {
    std::vector<OfficialClassMetrics> classes;
    for (std::size_t i = 0; i < table.num_classes(); ++i) {
        std::vector<double> const scores = table.score_column(i);
        std::vector<std::uint8_t> const labels = table.label_column(i);
        OfficialClassMetrics metrics;
        metrics.search = search_threshold(scores, labels);
        find_youden_point(RankedClass(scores, labels, 0.5), metrics);
        classes.push_back(metrics);
    }
    return classes;
}

RoundedMetrics rounded_metrics(ScoreTable const& table) {
    Confusion confusion;
    for (std::size_t i = 0; i < table.scores.size(); ++i) {
        double const rounded = std::nearbyint(table.scores[i]);  // half to even: 0.5 -> 0
        if (!(rounded == 0.0 || rounded == 1.0)) {
            return {};
        }
        confusion.add(rounded == 1.0, table.labels[i] != 0);
    }
    RoundedMetrics metrics;
    metrics.flat_accuracy = confusion.accuracy();
    if (table.num_classes() > 1) {
        metrics.micro_f1 = Confusion::rate(
            2 * confusion.true_positives,
            2 * confusion.true_positives + confusion.false_positives + confusion.false_negatives);
    }
    return metrics;
}

}  // namespace ctclip
