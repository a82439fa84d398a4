/// Measured values in a benchmark's record.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/median.hpp"

namespace ctclip {

/// {"median": ..., "min": ..., "max": ...}. @param values  at least one.
inline nlohmann::ordered_json spread(std::vector<double> const& values) {
    auto const [min, max] = std::ranges::minmax(values);
    return {{"median", median(values)}, {"min", min}, {"max", max}};
}

}  // namespace ctclip
