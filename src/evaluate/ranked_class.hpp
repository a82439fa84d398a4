/// One class with its samples sorted by score once, so that the metrics of any resample take one pass over
/// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "evaluate/metric.hpp"
#include "evaluate/score_table.hpp"

namespace ctclip {

class RankedClass {
  public:
    /// @param scores, labels  of N samples; N < 2^30. NaN ranks below everything.
    /// @param threshold       of the fixed-threshold metrics: predicted if score >= threshold.
    RankedClass(std::span<double const> scores, std::span<std::uint8_t const> labels, double threshold);

    /// Metrics of the set in which sample i is there counts[i] times. @param counts  N of them.
    ClassMetrics evaluate(std::span<std::uint32_t const> counts) const;

    /// Every sample once.
    ClassMetrics evaluate() const;

    /// Cumulative counts behind each distinct score, descending.
    struct CurvePoint {
        std::int64_t true_positives;
        std::int64_t false_positives;
    };
    std::vector<CurvePoint> curve() const;

    bool has_only_finite_scores() const { return not_finite_.empty(); }

  private:
    /// A sample in rank order: its index, its label, and whether the next one scores lower, in 32 bits.
    class Entry {
      public:
        Entry(std::size_t index, std::uint8_t label, bool ends_tie)
            : bits_(static_cast<std::uint32_t>(index << 2) | static_cast<std::uint32_t>(label != 0 ? 2 : 0) |
                    static_cast<std::uint32_t>(ends_tie ? 1 : 0)) {}
        std::size_t index() const { return bits_ >> 2; }
        bool is_positive() const { return (bits_ & 2U) != 0; }
        bool ends_tie() const { return (bits_ & 1U) != 0; }

      private:
        std::uint32_t bits_;
    };
    struct Scan;

    std::vector<double> scores_;           ///< in rank order
    std::vector<Entry> entries_;           ///< descending by score
    std::size_t num_predicted_;            ///< entries at or above the threshold
    std::vector<std::size_t> not_finite_;  ///< samples whose score is NaN or infinite
};

/// Every class of the table, in its order. @param threshold  compared in the precision of the scores.
std::vector<RankedClass> rank_classes(ScoreTable const& table, double threshold);

}  // namespace ctclip
