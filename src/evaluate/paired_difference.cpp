#include "evaluate/paired_difference.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "evaluate/ranked_class.hpp"

namespace ctclip {
namespace {

constexpr double kAnyThreshold = 0.5;  // AUROC has none

using RankedClasses = std::vector<RankedClass>;

void check_pairs(std::span<ScorePair const> pairs) {
    require(!pairs.empty(), ExitCode::kBadInput, "there are no two trainings to compare");
    ScoreTable const& first = pairs.front().baseline;
    for (ScorePair const& pair : pairs) {
        for (ScoreTable const* table : {&pair.baseline, &pair.other}) {
            require(table->class_names == first.class_names && table->labels == first.labels &&
                        table->num_samples == first.num_samples,
                    ExitCode::kBadInput,
                    "the trainings were not judged on the same studies with the same labels ({} and {} studies)",
                    first.num_samples, table->num_samples);
        }
    }
}

/// AUROC of every class and their mean (last) on one draw of studies.
std::vector<double> aurocs(RankedClasses const& classes, std::span<std::uint32_t const> counts) {
    std::vector<ClassMetrics> metrics;
    std::vector<double> values;
    for (RankedClass const& one : classes) {
        metrics.push_back(one.evaluate(counts));
        values.push_back(metrics.back()[Metric::kAuroc]);
    }
    values.push_back(macro_mean(metrics)[Metric::kAuroc]);
    return values;
}

struct RankedPair {
    RankedClasses baseline;
    RankedClasses other;

    std::vector<double> difference(std::span<std::uint32_t const> counts) const {
        std::vector<double> values = aurocs(other, counts);
        std::vector<double> const from = aurocs(baseline, counts);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] -= from[i];
        }
        return values;
    }
};

/// What quantities were in every replicate: [quantity][replicate].
using Replicates = std::vector<std::vector<double>>;

}  // namespace

PairedDifference paired_auroc_difference(std::span<ScorePair const> pairs, BootstrapOptions const& options) {
    check_pairs(pairs);
    std::size_t const num_samples = pairs.front().baseline.num_samples;
    std::size_t const num_quantities = pairs.front().baseline.num_classes() + 1;
    std::vector<RankedPair> ranked;
    for (ScorePair const& pair : pairs) {
        ranked.push_back({rank_classes(pair.baseline, kAnyThreshold), rank_classes(pair.other, kAnyThreshold)});
    }
    auto const num_pairs = static_cast<double>(pairs.size());

    PairedDifference result;
    result.classes.resize(num_quantities - 1);
    result.by_pair.resize(pairs.size());
    std::vector<std::uint32_t> counts(num_samples, 1U);
    std::vector<double> means(num_quantities, 0.0);
    for (std::size_t p = 0; p < ranked.size(); ++p) {
        std::vector<double> const values = ranked[p].difference(counts);
        result.by_pair[p].value = values.back();
        for (std::size_t i = 0; i < num_quantities; ++i) {
            means[i] += values[i] / num_pairs;
        }
    }

    Replicates combined(num_quantities);
    Replicates by_pair(pairs.size());
    BootstrapIndexStream stream(options.seed);
    for (std::size_t replicate = 0; replicate < options.num_replicates; ++replicate) {
        stream.resample(counts);
        std::vector<std::vector<double>> differences;
        for (std::size_t p = 0; p < ranked.size(); ++p) {
            differences.push_back(ranked[p].difference(counts));
            by_pair[p].push_back(differences.back().back());
        }
        std::vector<double> sums(num_quantities, 0.0);
        for (std::size_t draw = 0; draw < ranked.size(); ++draw) {
            std::vector<double> const& drawn = differences[stream.next(static_cast<std::uint32_t>(ranked.size()))];
            for (std::size_t i = 0; i < num_quantities; ++i) {
                sums[i] += drawn[i] / num_pairs;
            }
        }
        for (std::size_t i = 0; i < num_quantities; ++i) {
            combined[i].push_back(sums[i]);
        }
    }
    for (std::size_t i = 0; i + 1 < num_quantities; ++i) {
        result.classes[i] = {means[i], interval_of(combined[i], options.confidence)};
    }
    result.macro = {means.back(), interval_of(combined.back(), options.confidence)};
    for (std::size_t p = 0; p < pairs.size(); ++p) {
        result.by_pair[p].interval = interval_of(by_pair[p], options.confidence);
    }
    return result;
}

}  // namespace ctclip
