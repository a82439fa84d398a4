/// JSON has no NaN and no infinity: they are written as null.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

namespace ctclip {

inline nlohmann::ordered_json json_number(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

}  // namespace ctclip
