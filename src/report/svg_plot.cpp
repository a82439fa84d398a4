#include "report/svg_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ctclip {
namespace {

constexpr double kWidth = 560.0;
constexpr double kHeight = 320.0;
constexpr double kLeft = 76.0;
constexpr double kRight = 20.0;
constexpr double kTop = 34.0;
constexpr double kBottom = 44.0;
constexpr double kBarHeight = 22.0;
constexpr double kNameWidth = 220.0;
constexpr int kMaxSteps = 6;  // between an axis's ticks
constexpr std::size_t kNumColours = 8;  // of the page's style
constexpr double kRounding = 1e-9;

std::string colour(std::size_t series) {
    return fmt::format("var(--series-{})", series % kNumColours);
}

double place(double value, Axis const& axis, double from, double to) {
    double const span = axis.high > axis.low ? axis.high - axis.low : 1.0;
    return from + (value - axis.low) / span * (to - from);
}

std::string open_svg(double width, double height, std::string const& title) {
    return fmt::format(
        R"(<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><text class="title" x="12" y="20">{}</text>)", width,
        height, escape_html(title), escape_html(title));
}

std::string line(double x1, double y1, double x2, double y2, char const* css) {
    return fmt::format(R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)", css, x1, y1,
                       x2, y2);
}

std::string text(double x, double y, char const* anchor, std::string const& content) {
    return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)", x, y, anchor,
                       escape_html(content));
}

std::string draw_axes(LinePlot const& plot) {
    double const right = kWidth - kRight;
    double const bottom = kHeight - kBottom;
    std::string svg = line(kLeft, kTop, kLeft, bottom, "axis") + line(kLeft, bottom, right, bottom, "axis");
    for (double const tick : round_ticks(plot.y)) {
        double const y = place(tick, plot.y, bottom, kTop);
        svg += line(kLeft, y, right, y, "grid") + text(kLeft - 6, y + 4, "end", fmt::format("{:.6g}", tick));
    }
    for (double const tick : round_ticks(plot.x)) {
        svg += text(place(tick, plot.x, kLeft, right), bottom + 16, "middle", fmt::format("{:.6g}", tick));
    }
    svg += text((kLeft + right) / 2, kHeight - 8, "middle", plot.x.label);
    svg += fmt::format(
        R"svg(<text transform="rotate(-90 12 {0:.1f})" x="12" y="{0:.1f}" text-anchor="middle">{1}</text>)svg",
        (kTop + bottom) / 2, escape_html(plot.y.label));
    return svg;
}

/// "x,y " in the picture.
std::string point(LinePlot const& plot, double x, double y) {
    return fmt::format("{:.1f},{:.1f} ", place(x, plot.x, kLeft, kWidth - kRight),
                       place(std::clamp(y, plot.y.low, plot.y.high), plot.y, kHeight - kBottom, kTop));
}

std::string draw_band(LinePlot const& plot, Series const& series, std::string const& colour) {
    std::string forth;
    std::string back;
    for (auto const& [x, least, most] : series.band) {
        forth += point(plot, x, most);
        back = point(plot, x, least) + back;
    }
    return forth.empty() ? ""
                         : fmt::format(R"(<polygon class="band" style="fill:{}" points="{}"/>)", colour, forth + back);
}

/// One of many curves is pale until it is pointed at.
std::string draw_series(LinePlot const& plot, Series const& series, std::string const& colour) {
    char const* const css = plot.series.size() > kNumColours ? "series many" : "series";
    std::string path;
    for (auto const& [x, y] : series.points) {
        if (std::isfinite(x) && std::isfinite(y)) {
            path += point(plot, x, y);
        }
    }
    return fmt::format(R"(<polyline class="{}" style="stroke:{}" points="{}"><title>{}</title></polyline>)", css,
                       colour, path, escape_html(series.name));
}

/// A line of the series' colour and its name, right-aligned.
std::string draw_key(double y, std::string const& name, std::string const& colour) {
    double const right = kWidth - kRight;
    return fmt::format(R"(<line class="series" style="stroke:{}" x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}"/>)", colour,
                       right - 22, y - 4, right, y - 4) +
           text(right - 28, y, "end", name);
}

/// The smallest of 1, 2, 5 times a power of ten of which at most `most` make the span.
double round_step(double span, double most) {
    double const least = span / most * (1.0 - kRounding);
    double const power = std::pow(10.0, std::floor(std::log10(least)));
    for (double const factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= least) {
            return factor * power;
        }
    }
    return 10.0 * power;
}

/// A span that no double holds, or none at all, has no step.
bool is_usable(double step) {
    return std::isfinite(step) && step > 0.0;
}

}  // namespace

Axis fit_axis(std::string label, std::vector<double> const& values) {
    double low = INFINITY;
    double high = -INFINITY;
    for (double const value : values) {
        if (std::isfinite(value)) {
            low = std::min(low, value);
            high = std::max(high, value);
        }
    }
    if (low > high) {
        return {std::move(label), 0.0, 1.0};
    }
    if (low == high) {
        double const margin = low == 0.0 ? 0.5 : 0.1 * std::abs(low);
        return {std::move(label), low - margin, high + margin};
    }
    double const step = round_step(high - low, 10.0);
    if (!is_usable(step)) {
        return {std::move(label), low, high};
    }
    return {std::move(label), std::min(low, std::floor(low / step) * step),
            std::max(high, std::ceil(high / step) * step)};
}

std::vector<double> round_ticks(Axis const& axis) {
    double const step = round_step(axis.high - axis.low, kMaxSteps);
    std::vector<double> ticks;
    if (!is_usable(step)) {
        return ticks;
    }
    double const first = std::ceil(axis.low / step - kRounding);
    for (int i = 0; i <= kMaxSteps && (first + i) * step <= axis.high + kRounding * step; ++i) {
        ticks.push_back((first + i) * step + 0.0);  // no -0
    }
    return ticks;
}

std::string to_svg(LinePlot const& plot) {
    std::string svg = open_svg(kWidth, kHeight, plot.title) + draw_axes(plot);
    if (plot.has_diagonal) {
        svg += line(kLeft, kHeight - kBottom, kWidth - kRight, kTop, "reference");
    }
    bool const has_keys = plot.series.size() > 1 && plot.series.size() <= kNumColours;
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
        svg += draw_band(plot, plot.series[i], colour(i));
    }
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
        svg += draw_series(plot, plot.series[i], colour(i));
        svg += has_keys ? draw_key(kTop + 12 + 16 * static_cast<double>(i), plot.series[i].name, colour(i)) : "";
    }
    return svg + "</svg>";
}

std::string to_svg(IntervalPlot const& plot) {
    double const height = kTop + kBottom + kBarHeight * static_cast<double>(plot.bars.size());
    double const right = kWidth - kRight;
    double const bottom = height - kBottom;
    std::string svg = open_svg(kWidth, height, plot.title);
    for (double const tick : round_ticks(plot.x)) {
        double const x = place(tick, plot.x, kNameWidth, right);
        svg += line(x, kTop, x, bottom, "grid") + text(x, bottom + 16, "middle", fmt::format("{:.6g}", tick));
    }
    auto const place_x = [&](double value) {
        return place(std::clamp(value, plot.x.low, plot.x.high), plot.x, kNameWidth, right);
    };
    svg += line(place_x(plot.reference), kTop, place_x(plot.reference), bottom, "reference");
    for (std::size_t i = 0; i < plot.bars.size(); ++i) {
        IntervalBar const& bar = plot.bars[i];
        double const y = kTop + kBarHeight * (static_cast<double>(i) + 0.5);
        svg += text(kNameWidth - 8, y + 4, "end", bar.name);
        if (!std::isfinite(bar.value)) {
            svg += text(kNameWidth + 8, y + 4, "start", "not defined");
            continue;
        }
        if (std::isfinite(bar.lower) && std::isfinite(bar.upper)) {
            svg += fmt::format(
                R"(<line class="interval" style="stroke:{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)",
                colour(bar.colour), place_x(bar.lower), y, place_x(bar.upper), y);
        }
        svg += fmt::format(
            R"(<circle style="fill:{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}: {:.4f} [{:.4f}, {:.4f}]</title></circle>)",
            colour(bar.colour), place_x(bar.value), y, escape_html(bar.name), bar.value, bar.lower, bar.upper);
    }
    svg += text((kNameWidth + right) / 2, height - 8, "middle", plot.x.label);
    return svg + "</svg>";
}

std::string escape_html(std::string const& text) {
    std::string safe;
    for (char const c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            default:
                safe += c;
        }
    }
    return safe;
}

}  // namespace ctclip
