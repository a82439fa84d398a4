#include "evaluate/score_table.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace ctclip {

namespace {

template <class T>
std::vector<T> column_of(std::vector<T> const& table, std::size_t num_rows, std::size_t num_columns,
                         std::size_t column) {
    std::vector<T> values(num_rows);
    for (std::size_t row = 0; row < num_rows; ++row) {
        values[row] = table[row * num_columns + column];
    }
    return values;
}

}  // namespace

std::vector<double> ScoreTable::score_column(std::size_t class_index) const {
    return column_of(scores, num_samples, num_classes(), class_index);
}

std::vector<std::uint8_t> ScoreTable::label_column(std::size_t class_index) const {
    return column_of(labels, num_samples, num_classes(), class_index);
}

ScoreTable make_score_table(std::vector<std::string> class_names, std::span<float const> scores,
                            std::span<float const> labels) {
    std::size_t const num_classes = class_names.size();
    require(num_classes > 0 && scores.size() == labels.size() && scores.size() % num_classes == 0,
            ExitCode::kBadInput, "{} scores and {} labels do not make a table of {} classes", scores.size(),
            labels.size(), num_classes);
    ScoreTable table;
    table.class_names = std::move(class_names);
    table.precision = ScorePrecision::kFloat32;
    for (std::size_t first = 0; first < scores.size(); first += num_classes) {
        std::span<float const> const row = labels.subspan(first, num_classes);
        if (std::any_of(row.begin(), row.end(), [](float label) { return std::isnan(label); })) {
            continue;
        }
        for (std::size_t i = 0; i < num_classes; ++i) {
            require(row[i] == 0.0F || row[i] == 1.0F, ExitCode::kBadInput,
                    "sample {}: label {} of '{}' is not 0 or 1", first / num_classes, row[i],
                    table.class_names[i]);
            table.labels.push_back(row[i] == 1.0F ? 1 : 0);
            table.scores.push_back(scores[first + i]);
        }
        ++table.num_samples;
    }
    return table;
}

}  // namespace ctclip
