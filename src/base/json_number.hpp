/// JSON has no NaN and no infinity.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace ctclip {

/// Those become null, where they say that there is no value.
inline nlohmann::ordered_json json_number(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

/// Those become "inf", "-inf" and "nan", where they are values.
inline nlohmann::ordered_json json_number_or_text(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(fmt::format("{}", value));
}

}  // namespace ctclip
