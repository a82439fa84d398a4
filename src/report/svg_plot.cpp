#include "report/svg_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ctclip {
namespace {

constexpr double kWidth = 560.0;
constexpr double kHeight = 320.0;
constexpr double kLeft = 60.0;
constexpr double kRight = 20.0;
constexpr double kTop = 34.0;
constexpr double kBottom = 44.0;
constexpr double kBarHeight = 22.0;
constexpr double kNameWidth = 250.0;
constexpr int kNumTicks = 5;

// Okabe and Ito's palette: told apart with any colour vision.
constexpr std::array<char const*, 8> kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                 "#E69F00", "#56B4E9", "#999999", "#8C564B"};

double place(double value, Axis const& axis, double from, double to) {
    double const span = axis.high > axis.low ? axis.high - axis.low : 1.0;
    return from + (value - axis.low) / span * (to - from);
}

std::string open_svg(double width, double height, std::string const& title) {
    return fmt::format(
        R"(<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><text class="title" x="{:g}" y="20">{}</text>)",
        width, height, escape_html(title), kLeft, escape_html(title));
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
    for (int tick = 0; tick <= kNumTicks; ++tick) {
        double const share = static_cast<double>(tick) / kNumTicks;
        double const x = kLeft + share * (right - kLeft);
        double const y = bottom - share * (bottom - kTop);
        svg += line(kLeft, y, right, y, "grid");
        svg += text(kLeft - 6, y + 4, "end",
                    fmt::format("{:.3g}", plot.y.low + share * (plot.y.high - plot.y.low)));
        svg += text(x, bottom + 16, "middle",
                    fmt::format("{:.4g}", plot.x.low + share * (plot.x.high - plot.x.low)));
    }
    svg += text((kLeft + right) / 2, kHeight - 8, "middle", plot.x.label);
    svg += fmt::format(
        R"svg(<text transform="rotate(-90 14 {0:.1f})" x="14" y="{0:.1f}" text-anchor="middle">{1}</text>)svg",
        (kTop + bottom) / 2, escape_html(plot.y.label));
    return svg;
}

std::string draw_series(LinePlot const& plot, Series const& series, char const* colour) {
    std::string path;
    for (auto const& [x, y] : series.points) {
        if (std::isfinite(x) && std::isfinite(y)) {
            path +=
                fmt::format("{:.1f},{:.1f} ", place(x, plot.x, kLeft, kWidth - kRight),
                            place(std::clamp(y, plot.y.low, plot.y.high), plot.y, kHeight - kBottom, kTop));
        }
    }
    return fmt::format(R"(<polyline class="series" stroke="{}" points="{}"><title>{}</title></polyline>)",
                       colour, path, escape_html(series.name));
}

double round_step(double span) {
    double const power = std::pow(10.0, std::floor(std::log10(span)));
    for (double const factor : {0.1, 0.2, 0.5, 1.0}) {
        if (span / (factor * power) <= 10.0) {
            return factor * power;
        }
    }
    return power;
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
        return {std::move(label), low - 0.5, high + 0.5};
    }
    double const step = round_step(high - low);
    return {std::move(label), std::floor(low / step) * step, std::ceil(high / step) * step};
}

std::string to_svg(LinePlot const& plot) {
    std::string svg = open_svg(kWidth, kHeight, plot.title) + draw_axes(plot);
    if (plot.has_diagonal) {
        svg += line(kLeft, kHeight - kBottom, kWidth - kRight, kTop, "reference");
    }
    double legend_y = kTop + 10;
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
        char const* const colour = kColours[i % kColours.size()];
        svg += draw_series(plot, plot.series[i], colour);
        if (plot.series.size() > 1 && plot.series.size() <= kColours.size()) {
            svg += fmt::format(R"(<text x="{:g}" y="{:g}" text-anchor="end" style="fill:{};font-weight:600">{}</text>)",
                               kWidth - kRight, legend_y, colour, escape_html(plot.series[i].name));
            legend_y += 15;
        }
    }
    return svg + "</svg>";
}

std::string to_svg(IntervalPlot const& plot) {
    double const height = kTop + kBottom + kBarHeight * static_cast<double>(plot.bars.size());
    double const width = kWidth + kNameWidth - kLeft;
    double const right = width - kRight;
    double const bottom = height - kBottom;
    std::string svg = open_svg(width, height, plot.title);
    for (int tick = 0; tick <= kNumTicks; ++tick) {
        double const share = static_cast<double>(tick) / kNumTicks;
        double const x = kNameWidth + share * (right - kNameWidth);
        svg += line(x, kTop, x, bottom, "grid");
        svg += text(x, bottom + 16, "middle",
                    fmt::format("{:.2g}", plot.x.low + share * (plot.x.high - plot.x.low)));
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
            svg += line(place_x(bar.lower), y, place_x(bar.upper), y, "interval");
        }
        svg += fmt::format(
            R"(<circle class="value" cx="{:.1f}" cy="{:.1f}" r="4"><title>{} {:.3f}</title></circle>)",
            place_x(bar.value), y, escape_html(bar.name), bar.value);
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
