#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <span>

#include "base/byte_units.hpp"
#include "report/html_page.hpp"
#include "report/precision_study.hpp"
#include "report/svg_plot.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxCurvePoints = 200;

std::vector<RunResult const*> runs_in(PrecisionStudy const& study, std::string const& precision) {
    std::vector<RunResult const*> runs;
    for (RunResult const& run : study.runs) {
        if (run.origin.precision == precision) {
            runs.push_back(&run);
        }
    }
    return runs;
}

template <class Value>
double mean_of(std::vector<RunResult const*> const& runs, Value const& value) {
    double sum = 0.0;
    for (RunResult const* run : runs) {
        sum += value(*run);
    }
    return sum / static_cast<double>(runs.size());
}

std::string with_interval(double value, Interval const& interval, char const* sign) {
    auto const number = [&](double x) { return fmt::format("{}{:.4f}", x > 0.0 ? sign : "", x); };
    return fmt::format(R"({} <span class="muted">[{}, {}]</span>)", number(value), number(interval.lower),
                       number(interval.upper));
}

std::string make_table(PrecisionStudy const& study) {
    std::string table =
        "<div class=\"wide\"><table><tr><th>Precision</th><th>Seeds</th><th>Macro AUROC, "
        "mean</th><th>Change</th><th>s/step</th>"
        "<th>Speed</th><th>Peak memory</th><th>Skipped steps</th></tr>\n";
    auto const seconds = [](RunResult const& run) { return run.median_step_s; };
    double const baseline_s = mean_of(runs_in(study, study.baseline), seconds);
    for (std::string const& precision : study.precisions()) {
        auto const runs = runs_in(study, precision);
        auto const change = std::ranges::find(study.changes, precision, &PrecisionChange::precision);
        double const step_s = mean_of(runs, seconds);
        table += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{:.4f}</td><td>{}</td><td>{:.4f}</td><td>{:.2f}x</td><td>{:.0f} MiB</td>"
            "<td>{:g}</td></tr>\n",
            escape_html(precision), runs.size(), mean_of(runs, [](RunResult const& run) { return run.macro_auroc; }),
            change == study.changes.end()
                ? "baseline"
                : with_interval(change->auroc.macro.value, change->auroc.macro.interval, "+"),
            step_s, baseline_s / step_s,
            mean_of(runs, [](RunResult const& run) { return static_cast<double>(run.peak_memory_bytes); }) /
                kBytesPerMiB,
            mean_of(runs, [](RunResult const& run) { return static_cast<double>(run.num_skipped_steps); }));
    }
    return table + "</table></div>\n";
}

/// Of all seeds at a step, or of neighbouring steps together.
struct Losses {
    double step = 0.0;
    double mean = 0.0;
    double least = 0.0;
    double most = 0.0;
};

std::vector<Losses> losses_by_step(std::vector<RunResult const*> const& runs) {
    std::map<double, std::vector<double>> by_step;
    for (RunResult const* run : runs) {
        for (auto const& [step, loss] : run->losses) {
            if (std::isfinite(loss)) {
                by_step[step].push_back(loss);
            }
        }
    }
    std::vector<Losses> all;
    for (auto const& [step, losses] : by_step) {
        double const sum = std::accumulate(losses.begin(), losses.end(), 0.0);
        all.push_back({step, sum / static_cast<double>(losses.size()), std::ranges::min(losses),
                       std::ranges::max(losses)});
    }
    return all;
}

/// Means over the seeds, and between which losses they lie; then over neighbouring steps, so that a curve has at most
/// kMaxCurvePoints.
Series make_curve(PrecisionStudy const& study, std::string const& precision) {
    auto const runs = runs_in(study, precision);
    std::vector<Losses> const all = losses_by_step(runs);
    std::size_t const width = all.size() / kMaxCurvePoints + 1;
    Series curve{precision, {}};
    for (std::size_t begin = 0; begin < all.size(); begin += width) {
        std::size_t const count = std::min(width, all.size() - begin);
        double const share = 1.0 / static_cast<double>(count);
        Losses mean;
        for (Losses const& losses : std::span(all).subspan(begin, count)) {
            mean.step += share * losses.step;
            mean.mean += share * losses.mean;
            mean.least += share * losses.least;
            mean.most += share * losses.most;
        }
        curve.points.emplace_back(mean.step, mean.mean);
        if (runs.size() > 1) {
            curve.band.push_back({mean.step, mean.least, mean.most});
        }
    }
    return curve;
}

LinePlot make_loss_plot(PrecisionStudy const& study) {
    LinePlot plot{.title = "Training loss: mean over the seeds, and their range", .x = {}, .y = {}, .series = {}};
    std::vector<double> xs;
    std::vector<double> ys;
    for (std::string const& precision : study.precisions()) {
        plot.series.push_back(make_curve(study, precision));
        for (auto const& [x, y] : plot.series.back().points) {
            xs.push_back(x);
            ys.push_back(y);
        }
        for (auto const& [x, least, most] : plot.series.back().band) {
            ys.insert(ys.end(), {least, most});
        }
    }
    plot.x = fit_axis("Step", xs);
    plot.y = fit_axis("Loss", ys);
    return plot;
}

/// In the colour that a precision has in every plot.
void add_bar(IntervalPlot& plot, PrecisionStudy const& study, std::string const& precision, std::string name,
             double value, Interval const& interval) {
    auto const precisions = study.precisions();
    auto const colour = static_cast<std::size_t>(std::ranges::find(precisions, precision) - precisions.begin());
    plot.bars.push_back({std::move(name), value, interval.lower, interval.upper, colour});
}

/// An axis that holds every bar and the reference.
void fit(IntervalPlot& plot) {
    std::vector<double> ends = {plot.reference};
    for (IntervalBar const& bar : plot.bars) {
        ends.insert(ends.end(), {bar.lower, bar.upper, bar.value});
    }
    plot.x = fit_axis(plot.x.label, ends);
}

IntervalPlot make_auroc_plot(PrecisionStudy const& study) {
    IntervalPlot plot{.title = fmt::format("Macro AUROC, 95 % interval over studies (dashed: {}, seed {})",
                                           study.baseline, study.runs.front().origin.seed),
                      .x = {.label = "Macro AUROC"},
                      .reference = study.runs.front().macro_auroc,
                      .bars = {}};
    for (RunResult const& run : study.runs) {
        add_bar(plot, study, run.origin.precision, fmt::format("{}, seed {}", run.origin.precision, run.origin.seed),
                run.macro_auroc, run.macro_interval);
    }
    fit(plot);
    return plot;
}

IntervalPlot make_change_plot(PrecisionStudy const& study) {
    IntervalPlot plot{.title = "Macro AUROC minus that of " + study.baseline + ", paired 95 % interval",
                      .x = {.label = "Change of the macro AUROC (dashed: none)"},
                      .reference = 0.0,
                      .bars = {}};
    for (PrecisionChange const& change : study.changes) {
        add_bar(plot, study, change.precision, change.precision + ", all seeds", change.auroc.macro.value,
                change.auroc.macro.interval);
        auto const runs = runs_in(study, change.precision);
        for (std::size_t i = 0; i < runs.size(); ++i) {
            add_bar(plot, study, change.precision,
                    fmt::format("{}, seed {}", change.precision, runs[i]->origin.seed),
                    change.auroc.by_pair[i].value, change.auroc.by_pair[i].interval);
        }
    }
    fit(plot);
    return plot;
}

IntervalPlot make_class_plot(PrecisionStudy const& study, PrecisionChange const& change) {
    IntervalPlot plot{.title = fmt::format("AUROC of {} minus that of {}, paired 95 % interval", change.precision,
                                           study.baseline),
                      .x = {.label = "Change of the AUROC (dashed: none)"},
                      .reference = 0.0,
                      .bars = {}};
    for (std::size_t i = 0; i < change.auroc.classes.size(); ++i) {
        add_bar(plot, study, change.precision, study.runs.front().scores.class_names[i],
                change.auroc.classes[i].value, change.auroc.classes[i].interval);
    }
    fit(plot);
    return plot;
}

}  // namespace

std::string make_precision_page(PrecisionStudy const& study) {
    std::string html = "<h1>What does mixed precision change?</h1>\n";
    for (std::string const& verdict : verdicts(study)) {
        html += fmt::format("<p class=\"result\">{}</p>\n", escape_html(verdict));
    }
    html += fmt::format(
        "<p class=\"muted\">The same training in each precision from the same seeds, judged zero-shot on the same {} "
        "studies. Changes are bootstrapped over studies and seeds together, both sides on the same draw; per seed, "
        "over "
        "studies alone. Seconds are medians of a step, memory is the largest resident size of rank 0.</p>\n",
        study.num_studies);
    html += make_table(study);
    html += "<h2>Training</h2><div class=\"plots\">" + to_svg(make_loss_plot(study)) + "</div>\n";
    html += "<h2>Result</h2><div class=\"plots\">" + to_svg(make_auroc_plot(study)) +
            (study.changes.empty() ? "" : to_svg(make_change_plot(study))) + "</div>\n";
    html += "<h2>Per class</h2><div class=\"plots\">";
    for (PrecisionChange const& change : study.changes) {
        html += to_svg(make_class_plot(study, change));
    }
    html += fmt::format("</div>\n<h2>How it was made</h2><p>{}</p><p class=\"muted\"><code>{}</code></p>\n",
                        escape_html(study.device), escape_html(study.software));
    return html_page("ctclip: precision study", html);
}

}  // namespace ctclip
