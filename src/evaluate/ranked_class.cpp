#include "evaluate/ranked_class.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace ctclip {

namespace {

double ratio(std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

RankedClass::RankedClass(std::span<double const> scores, std::span<std::uint8_t const> labels,
                         double threshold) {
    CTCLIP_EXPECT(scores.size() == labels.size() && scores.size() < std::size_t{1} << 30);
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return scores[a] > scores[b] || (std::isnan(scores[b]) && !std::isnan(scores[a]));
    });
    for (std::size_t i = 0; i < order.size(); ++i) {
        double const score = scores[order[i]];
        bool const ends_tie = i + 1 == order.size() || scores[order[i + 1]] != score;
        scores_.push_back(score);
        entries_.emplace_back(order[i], labels[order[i]], ends_tie);
        if (!std::isfinite(score)) {
            not_finite_.push_back(order[i]);
        }
    }
    auto const below =
        std::find_if(scores_.begin(), scores_.end(), [&](double score) { return !(score >= threshold); });
    num_predicted_ = static_cast<std::size_t>(below - scores_.begin());
}

/// Runs down the ranks. Integers until a group of ties is complete: sums of counts are exact.
struct RankedClass::Scan {
    RankedClass const& ranked;
    std::span<std::uint32_t const> counts;
    double num_positives;

    std::int64_t true_positives = 0;
    std::int64_t false_positives = 0;
    std::int64_t tie_positives = 0;
    std::int64_t tie_negatives = 0;
    std::int64_t twice_ordered_pairs = 0;  ///< positive above negative: 2; equal: 1
    double precision_sum = 0.0;            ///< over the positives: the precision at each one's score
    double best_f1 = 0.0;
    std::size_t best_rank = 0;

    void run(std::size_t first, std::size_t last) {
        for (std::size_t rank = first; rank < last; ++rank) {
            Entry const entry = ranked.entries_[rank];
            std::int64_t const count = counts[entry.index()];
            std::int64_t const positive = entry.is_positive() ? count : 0;
            tie_positives += positive;
            tie_negatives += count - positive;
            if (entry.ends_tie()) {
                close_tie(rank);
            }
        }
    }

    void close_tie(std::size_t rank) {
        twice_ordered_pairs += tie_negatives * (2 * true_positives + tie_positives);
        true_positives += tie_positives;
        false_positives += tie_negatives;
        if (tie_positives > 0) {  // else recall stays and precision does not rise
            auto const hits = static_cast<double>(true_positives);
            double const precision = hits / static_cast<double>(true_positives + false_positives);
            double const recall = hits / num_positives;
            double const f1 = 2.0 * (precision * recall) / (precision + recall + 1e-10);
            precision_sum += static_cast<double>(tie_positives) * precision;
            if (f1 >= best_f1) {
                best_f1 = f1;
                best_rank = rank;
            }
        }
        tie_positives = 0;
        tie_negatives = 0;
    }
};

ClassMetrics RankedClass::evaluate(std::span<std::uint32_t const> counts) const {
    CTCLIP_EXPECT(counts.size() == entries_.size());
    std::int64_t num_positives = 0;
    std::int64_t num_samples = 0;
    for (Entry const entry : entries_) {
        std::int64_t const count = counts[entry.index()];
        num_positives += entry.is_positive() ? count : 0;
        num_samples += count;
    }
    std::int64_t const num_negatives = num_samples - num_positives;
    ClassMetrics metrics;
    metrics.num_positives = num_positives;
    if (num_positives == 0 || num_negatives == 0) {
        return metrics;
    }

    Scan scan{*this, counts, static_cast<double>(num_positives)};
    scan.run(0, num_predicted_);
    std::int64_t const true_negatives = num_negatives - scan.false_positives;
    metrics[Metric::kPrecision] = ratio(scan.true_positives, scan.true_positives + scan.false_positives);
    metrics[Metric::kRecall] = ratio(scan.true_positives, num_positives);
    metrics[Metric::kSpecificity] = ratio(true_negatives, num_negatives);
    metrics[Metric::kAccuracy] = ratio(scan.true_positives + true_negatives, num_samples);
    bool const is_ranked = std::none_of(not_finite_.begin(), not_finite_.end(),
                                        [&](std::size_t sample) { return counts[sample] > 0; });
    if (is_ranked) {
        scan.run(num_predicted_, entries_.size());
        metrics[Metric::kAuroc] =
            static_cast<double>(scan.twice_ordered_pairs) /
            (2.0 * static_cast<double>(num_positives) * static_cast<double>(num_negatives));
        metrics[Metric::kAuprc] = scan.precision_sum / static_cast<double>(num_positives);
        metrics[Metric::kF1] = scan.best_f1;
        metrics.f1_threshold = scores_[scan.best_rank];
    }
    return metrics;
}

ClassMetrics RankedClass::evaluate() const {
    return evaluate(std::vector<std::uint32_t>(entries_.size(), 1));
}

std::vector<RankedClass::CurvePoint> RankedClass::curve() const {
    std::vector<CurvePoint> points;
    CurvePoint point{0, 0};
    for (Entry const entry : entries_) {
        (entry.is_positive() ? point.true_positives : point.false_positives) += 1;
        if (entry.ends_tie()) {
            points.push_back(point);
        }
    }
    return points;
}

std::vector<RankedClass> rank_classes(ScoreTable const& table, double threshold) {
    bool const is_float32 = table.precision == ScorePrecision::kFloat32;
    double const rounded = is_float32 ? static_cast<double>(static_cast<float>(threshold)) : threshold;
    std::vector<RankedClass> classes;
    for (std::size_t i = 0; i < table.num_classes(); ++i) {
        classes.emplace_back(table.score_column(i), table.label_column(i), rounded);
    }
    return classes;
}

}  // namespace ctclip
