/// The middle of measured values.
#pragma once

#include <algorithm>
#include <vector>

namespace ctclip {

/// The upper one of two middle values. @param values  at least one.
inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace ctclip
