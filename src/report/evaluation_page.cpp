#include "report/evaluation_page.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "report/html_page.hpp"

namespace ctclip {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<char const*, char const*>, 7> kColumns = {{{"auroc", "AUROC"},
                                                                          {"auprc", "AUPRC"},
                                                                          {"f1", "Best F1"},
                                                                          {"precision", "Precision"},
                                                                          {"recall", "Recall"},
                                                                          {"specificity", "Specificity"},
                                                                          {"accuracy", "Accuracy"}}};

double number(Json const& object, char const* name) {
    auto const found = object.find(name);
    return found != object.end() && found->is_number() ? found->get<double>() : std::nan("");
}

std::string with_interval(Json const& metrics, char const* name) {
    if (!metrics.contains(name)) {
        return "";
    }
    Json const& metric = metrics[name];
    double const value = number(metric, "value");
    if (!std::isfinite(value)) {
        return "&ndash;";
    }
    double const lower = number(metric, "ci_lower");
    double const upper = number(metric, "ci_upper");
    return std::isfinite(lower) && std::isfinite(upper)
               ? fmt::format(R"({:.3f} <span class="muted">[{:.3f}, {:.3f}]</span>)", value, lower, upper)
               : fmt::format("{:.3f}", value);
}

std::string table_row(std::string const& name, Json const& metrics, char const* css) {
    std::string row = fmt::format(R"(<tr class="{}"><td>{}</td><td>{}</td>)", css, escape_html(name),
                                  metrics.contains("positives") ? metrics["positives"].dump() : "");
    for (auto const& [key, heading] : kColumns) {
        row += fmt::format("<td>{}</td>", with_interval(metrics, key));
    }
    return row + "</tr>\n";
}

std::string make_table(Json const& evaluation) {
    std::string table = "<div class=\"wide\"><table><tr><th>Class</th><th>Positives</th>";
    for (auto const& [key, heading] : kColumns) {
        table += fmt::format("<th>{}</th>", heading);
    }
    table += "</tr>\n";
    for (auto const& [name, metrics] : evaluation["per_class"].items()) {
        table += table_row(name, metrics, "");
    }
    table += table_row("Macro mean", evaluation["macro"], "total");
    table += table_row("Mean weighted by positives", evaluation["weighted"], "total");
    return table + "</table></div>\n";
}

IntervalPlot make_auroc_plot(Json const& evaluation) {
    IntervalPlot plot{
        .title = "AUROC per class with 95 % interval (dashed: chance)", .x = {"AUROC", 0.0, 1.0}, .bars = {}};
    for (auto const& [name, metrics] : evaluation["per_class"].items()) {
        Json const& auroc = metrics["auroc"];
        plot.bars.push_back(
            {name, number(auroc, "value"), number(auroc, "ci_lower"), number(auroc, "ci_upper")});
    }
    return plot;
}

std::string make_facts(Json const& evaluation) {
    std::string facts = "<div class=\"wide\"><table>";
    for (char const* name :
         {"checkpoint", "shards", "prompts", "bootstrap", "precision", "software", "created"}) {
        if (evaluation.contains(name)) {
            Json const& value = evaluation[name];
            facts +=
                fmt::format(R"(<tr><td>{}</td><td style="text-align:left"><code>{}</code></td></tr>)", name,
                            escape_html(value.is_string() ? value.get<std::string>() : value.dump()));
        }
    }
    return facts + "</table></div>\n";
}

}  // namespace

std::string make_evaluation_page(Json const& evaluation, std::vector<Series> const& roc_curves,
                                 std::vector<LinePlot> const& training) {
    LinePlot const roc{.title = "ROC curves (point at one for its class)",
                       .x = {"False positive rate", 0.0, 1.0},
                       .y = {"True positive rate", 0.0, 1.0},
                       .series = roc_curves,
                       .has_diagonal = true};
    std::string html = "<h1>Zero-shot evaluation</h1>\n";
    html += fmt::format("<p class=\"result\">Macro AUROC {} over {} classes, {} studies.</p>\n",
                        with_interval(evaluation["macro"], "auroc"), evaluation["per_class"].size(),
                        evaluation["num_studies"].dump());
    html +=
        "<p class=\"muted\">Intervals: 95 % percentile bootstrap over studies. F1 is the best over all "
        "thresholds "
        "of this data; precision, recall, specificity and accuracy are at the fixed threshold.</p>\n";
    html += make_table(evaluation);
    html += "<h2>Per class</h2><div class=\"plots\">" + to_svg(make_auroc_plot(evaluation)) + to_svg(roc) +
            "</div>\n";
    if (!training.empty()) {
        html += "<h2>The training run</h2><div class=\"plots\">";
        for (LinePlot const& plot : training) {
            html += to_svg(plot);
        }
        html += "</div>\n";
    }
    html += "<h2>How it was made</h2>" + make_facts(evaluation);
    return html_page("ctclip evaluation", html);
}

std::vector<LinePlot> make_training_plots(std::filesystem::path const& metrics_path) {
    static constexpr std::array<std::pair<char const*, char const*>, 4> kCurves = {
        {{"loss", "Loss"},
         {"grad_norm", "Gradient norm before clipping"},
         {"loss_scale", "Loss scale"},
         {"lr", "Learning rate"}}};
    std::array<Series, kCurves.size()> series;
    std::ifstream lines(metrics_path);
    for (std::string line; std::getline(lines, line);) {
        auto const record = Json::parse(line, nullptr, false);
        if (!record.is_object() || !record.contains("step") || !record["step"].is_number()) {
            continue;
        }
        for (std::size_t i = 0; i < kCurves.size(); ++i) {
            if (record.contains(kCurves[i].first)) {
                series[i].points.emplace_back(record["step"].get<double>(), number(record, kCurves[i].first));
            }
        }
    }
    std::vector<LinePlot> plots;
    for (std::size_t i = 0; i < kCurves.size(); ++i) {
        std::vector<double> xs;
        std::vector<double> ys;
        for (auto const& [x, y] : series[i].points) {
            xs.push_back(x);
            ys.push_back(y);
        }
        series[i].name = kCurves[i].second;
        if (!xs.empty()) {
            plots.push_back({.title = kCurves[i].second,
                             .x = fit_axis("Step", xs),
                             .y = fit_axis(kCurves[i].second, ys),
                             .series = {series[i]}});
        }
    }
    return plots;
}

}  // namespace ctclip
