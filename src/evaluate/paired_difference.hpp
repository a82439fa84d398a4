/// How much one way of training changes AUROC against another, judged on the same studies.
#pragma once

#include <span>
#include <vector>

#include "evaluate/bootstrap.hpp"
#include "evaluate/score_table.hpp"

namespace ctclip {

/// The scores of two trainings from the same seed on the same studies in the same order.
struct ScorePair {
    ScoreTable baseline;
    ScoreTable other;
};

struct DifferenceEstimate {
    double value = kUndefined;  ///< other - baseline, mean over the pairs
    Interval interval;
};

struct PairedDifference {
    DifferenceEstimate macro;                  ///< of the macro AUROC
    std::vector<DifferenceEstimate> classes;   ///< of each class's AUROC
    std::vector<DifferenceEstimate> by_pair;   ///< of the macro AUROC, pair by pair: its interval is over studies alone
};

/// Every replicate draws studies, and pairs, with replacement, and evaluates both sides of a pair on the same draw:
/// what the sides share cancels. Intervals of more than one pair hold the spread between seeds; with one pair they
/// cannot.
/// @param pairs  at least one; equal class names, labels and numbers of studies in all.
/// @throws Error kBadInput where they differ.
PairedDifference paired_auroc_difference(std::span<ScorePair const> pairs, BootstrapOptions const& options);

}  // namespace ctclip
