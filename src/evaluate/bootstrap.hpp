/// Bootstrap intervals with the index stream of numpy's legacy generator, so that published intervals can be
/// reproduced draw by draw.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "evaluate/metric.hpp"
#include "evaluate/ranked_class.hpp"

namespace ctclip {

/// numpy.random.RandomState(seed).choice(n, size=n, replace=True), replicate after replicate.
class BootstrapIndexStream {
  public:
    explicit BootstrapIndexStream(std::uint32_t seed) : generator_(seed) {}

    /// The next index in [0, num_samples). `num_samples` is at least 1.
    std::uint32_t next(std::uint32_t num_samples);
    /// A resample of as many as there are: how often each of counts.size() samples was drawn.
    void resample(std::span<std::uint32_t> counts);
    /// The next raw 32-bit output.
    std::uint32_t next_raw() { return static_cast<std::uint32_t>(generator_()); }

  private:
    std::mt19937 generator_;
};

struct BootstrapOptions {
    std::size_t num_replicates = 1000;
    std::uint32_t seed = 42;
    double confidence = 0.95;
};

struct Interval {
    double lower = kUndefined;
    double upper = kUndefined;
    std::size_t num_replicates = 0;  ///< in which the value was defined; the others say nothing

    double width() const { return upper - lower; }
};

/// In the order of Metric.
using MetricIntervals = std::array<Interval, kNumMetrics>;

/// What one quantity was in every replicate.
using ReplicateValues = std::vector<MetricValues>;

struct BootstrapReplicates {
    std::vector<ReplicateValues> classes;
    ReplicateValues macro;     ///< means over the classes that are defined in the replicate
    ReplicateValues weighted;  ///< likewise, weighted by the replicate's positives
};

/// Every class is evaluated on the same resamples. One pass over the ranks a class and replicate.
BootstrapReplicates run_bootstrap(std::span<RankedClass const> classes, std::size_t num_samples,
                                  BootstrapOptions const& options);

/// Central percentile interval of the values that are defined (not NaN).
Interval interval_of(std::vector<double> replicates, double confidence);
MetricIntervals intervals_of(ReplicateValues const& replicates, double confidence);

/// As numpy.percentile(values, 100 * fraction): linear interpolation at (n - 1) * fraction.
/// @param sorted  ascending, not empty, no NaN.
double percentile(std::span<double const> sorted, double fraction);

}  // namespace ctclip
