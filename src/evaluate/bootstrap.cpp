#include "evaluate/bootstrap.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace ctclip {

std::uint32_t BootstrapIndexStream::next(std::uint32_t num_samples) {
    std::uint32_t const last = num_samples - 1;
    if (last == 0) {
        return 0;  // draws nothing
    }
    std::uint32_t const mask = ~std::uint32_t{0} >> std::countl_zero(last);
    std::uint32_t index = next_raw() & mask;
    while (index > last) {
        index = next_raw() & mask;
    }
    return index;
}

void BootstrapIndexStream::resample(std::span<std::uint32_t> counts) {
    std::ranges::fill(counts, 0U);
    for (std::size_t draw = 0; draw < counts.size(); ++draw) {
        ++counts[next(static_cast<std::uint32_t>(counts.size()))];
    }
}

BootstrapReplicates run_bootstrap(std::span<RankedClass const> classes, std::size_t num_samples,
                                  BootstrapOptions const& options) {
    BootstrapReplicates replicates;
    replicates.classes.resize(classes.size());
    BootstrapIndexStream stream(options.seed);
    std::vector<std::uint32_t> counts(num_samples);
    std::vector<ClassMetrics> metrics(classes.size());
    for (std::size_t replicate = 0; replicate < options.num_replicates; ++replicate) {
        stream.resample(counts);
        for (std::size_t i = 0; i < classes.size(); ++i) {
            metrics[i] = classes[i].evaluate(counts);
            replicates.classes[i].push_back(metrics[i]);
        }
        replicates.macro.push_back(macro_mean(metrics));
        replicates.weighted.push_back(weighted_mean(metrics));
    }
    return replicates;
}

Interval interval_of(std::vector<double> replicates, double confidence) {
    std::erase_if(replicates, [](double value) { return std::isnan(value); });
    if (replicates.empty()) {
        return {};
    }
    std::ranges::sort(replicates);
    return {percentile(replicates, (1.0 - confidence) / 2.0), percentile(replicates, (1.0 + confidence) / 2.0),
            replicates.size()};
}

MetricIntervals intervals_of(ReplicateValues const& replicates, double confidence) {
    MetricIntervals intervals;
    for (std::size_t metric = 0; metric < kNumMetrics; ++metric) {
        std::vector<double> values;
        for (MetricValues const& replicate : replicates) {
            values.push_back(replicate.values[metric]);
        }
        intervals[metric] = interval_of(std::move(values), confidence);
    }
    return intervals;
}

double percentile(std::span<double const> sorted, double fraction) {
    CTCLIP_EXPECT(!sorted.empty());
    double const position = static_cast<double>(sorted.size() - 1) * fraction;
    auto const below = static_cast<std::size_t>(position);
    std::size_t const above = std::min(below + 1, sorted.size() - 1);
    double const weight = position - std::floor(position);
    double const step = sorted[above] - sorted[below];
    // The two forms agree but for rounding: from the nearer end, as numpy does.
    return weight < 0.5 ? sorted[below] + step * weight : sorted[above] - step * (1.0 - weight);
}

}  // namespace ctclip
