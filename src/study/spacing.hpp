/// Voxel spacing as CT-RATE's metadata writes it.
#pragma once

#include <optional>
#include <string_view>

namespace ctclip {

/// A number as Python's float() reads it ("0.7", ".7", "7e-1", " 0.7 ", "0.7_5", "nan", "inf"); no locale.
std::optional<double> parse_python_float(std::string_view text);

/// The in-plane spacing in mm of "[0.732, 0.732]": brackets dropped, first number (as the
/// Python converter). May be NaN, infinite or negative, as in Python; nothing if the text holds no number.
std::optional<double> parse_xy_spacing_mm(std::string_view text);

}  // namespace ctclip
