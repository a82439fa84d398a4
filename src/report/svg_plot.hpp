/// Plots as inline SVG, so that a report is one file which any browser shows without a network.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ctclip {

struct Series {
    std::string name;
    std::vector<std::pair<double, double>> points;  ///< (x, y); points that are not finite are left out
    /// Shaded, if there: (x, least, most) of what the points are means of.
    std::vector<std::array<double, 3>> band = {};
};

struct Axis {
    std::string label;
    double low = 0.0;
    double high = 1.0;
};

/// Limits that hold every finite value, widened to round numbers; [0, 1] when there is none.
Axis fit_axis(std::string label, std::vector<double> const& values);

/// Round numbers within the axis, evenly spaced: where its grid is drawn.
std::vector<double> round_ticks(Axis const& axis);

struct LinePlot {
    std::string title;
    Axis x;
    Axis y;
    std::vector<Series> series;
    bool has_diagonal = false;  ///< the line of chance in a ROC plot
};

/// Bars with an interval each, one row a name: the AUROC per class.
struct IntervalBar {
    std::string name;
    double value = 0.0;
    double lower = 0.0;
    double upper = 0.0;
    std::size_t colour = 0;  ///< that of the series with this number
};
struct IntervalPlot {
    std::string title;
    Axis x;
    double reference = 0.5;  ///< drawn as a dashed line
    std::vector<IntervalBar> bars;
};

std::string to_svg(LinePlot const& plot);
std::string to_svg(IntervalPlot const& plot);

/// Text made safe for HTML and SVG.
std::string escape_html(std::string const& text);

}  // namespace ctclip
