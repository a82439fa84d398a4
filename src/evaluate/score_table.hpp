/// Scores and labels of N samples and C classes: what every metric is computed from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ctclip {

/// The type that scores were computed in. It decides how they compare with a threshold: numpy rounds the
/// threshold of float32 scores to float32 first.
enum class ScorePrecision { kFloat32, kFloat64 };

struct ScoreTable {
    std::vector<std::string> class_names;  ///< C
    std::size_t num_samples = 0;           ///< N
    std::vector<double> scores;            ///< (N, C) row-major; any value, NaN and infinities too
    std::vector<std::uint8_t> labels;      ///< (N, C) row-major, 0 or 1
    ScorePrecision precision = ScorePrecision::kFloat64;

    std::size_t num_classes() const { return class_names.size(); }
    std::vector<double> score_column(std::size_t class_index) const;
    std::vector<std::uint8_t> label_column(std::size_t class_index) const;
};

/// @param scores, labels  (N, C) row-major. Samples of which a label is NaN (unknown) are left out.
/// @throws Error kBadInput if the sizes do not fit, or a label is neither 0, 1 nor NaN.
ScoreTable make_score_table(std::vector<std::string> class_names, std::span<float const> scores,
                            std::span<float const> labels);

}  // namespace ctclip
