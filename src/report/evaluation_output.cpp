#include "report/evaluation_output.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/build_info.hpp"
#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/json_number.hpp"
#include "base/machine.hpp"
#include "base/output_folder.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "report/evaluation_page.hpp"

namespace ctclip {
namespace {

using Json = nlohmann::ordered_json;

/// In latents.safetensors, of a study without labels.
constexpr std::uint8_t kNoLabel = 255;

Json to_json(MetricValues const& values, MetricIntervals const& intervals) {
    Json json = Json::object();
    for (std::size_t i = 0; i < kNumMetrics; ++i) {
        json[std::string(kMetricNames[i])] = {{"value", json_number(values.values[i])},
                                              {"ci_lower", json_number(intervals[i].lower)},
                                              {"ci_upper", json_number(intervals[i].upper)}};
    }
    return json;
}

Json to_json(OfficialClassMetrics const& official) {
    Json json = {{"youden_sensitivity", json_number(official.youden_sensitivity)},
                 {"youden_specificity", json_number(official.youden_specificity)}};
    if (official.search) {
        json["threshold"] = official.search->threshold;
        json["f1_weighted"] = json_number(official.search->f1_weighted);
        json["accuracy"] = json_number(official.search->accuracy);
        json["precision"] = json_number(official.search->precision);
    }
    return json;
}

Json classes_to_json(Evaluation const& evaluation) {
    EvaluationMetrics const& metrics = evaluation.metrics;
    Json classes = Json::object();
    for (std::size_t i = 0; i < metrics.classes.size(); ++i) {
        ClassMetrics const& values = metrics.classes[i];
        Json json = to_json(values, metrics.class_intervals[i]);
        json["f1_threshold"] = json_number(values.f1_threshold);
        json["positives"] = values.num_positives;
        json["negatives"] = static_cast<std::int64_t>(evaluation.table.num_samples) - values.num_positives;
        json["official"] = to_json(metrics.official[i]);
        classes[evaluation.table.class_names[i]] = json;
    }
    return classes;
}

/// By k, as text.
Json by_k(std::map<std::int64_t, double> const& values) {
    Json json = Json::object();
    for (auto const& [k, value] : values) {
        json[std::to_string(k)] = json_number(value);
    }
    return json;
}

Json to_json(std::optional<RetrievalMetrics> const& retrieval) {
    return retrieval ? Json{{"report_to_volume_recall_at", by_k(retrieval->report_recall)},
                            {"volume_to_volume_label_overlap_at", by_k(retrieval->volume_label_overlap)}}
                     : Json();
}

Json prompts_to_json(Evaluation const& evaluation) {
    Json sentences = Json::object();
    for (PromptPair const& pair : evaluation.prompts) {
        sentences[pair.class_name] = {pair.positive, pair.negative};
    }
    return {{"set", evaluation.origin.prompt_set}, {"sentences", sentences}};
}

/// RFC 4180: quoted where needed.
std::string csv_cell(std::string const& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string quoted = "\"";
    for (char const c : text) {
        quoted += c;
        if (c == '"') {
            quoted += '"';
        }
    }
    return quoted + "\"";
}

/// study_id, then a probability a class under its name, then a label a class under "label: <name>".
std::string make_scores_csv(Evaluation const& evaluation) {
    std::string csv = "study_id";
    for (PromptPair const& pair : evaluation.prompts) {
        csv += "," + csv_cell(pair.class_name);
    }
    for (PromptPair const& pair : evaluation.prompts) {
        csv += "," + csv_cell("label: " + pair.class_name);
    }
    csv += "\n";
    std::size_t const num_classes = evaluation.prompts.size();
    for (std::size_t row = 0; row < evaluation.study_ids.size(); ++row) {
        csv += csv_cell(evaluation.study_ids[row]);
        for (std::size_t column = 0; column < num_classes; ++column) {
            csv += fmt::format(",{}", evaluation.probabilities[row * num_classes + column]);
        }
        for (std::size_t column = 0; column < num_classes; ++column) {
            float const label = evaluation.labels[row * num_classes + column];
            csv += std::isnan(label) ? std::string(",") : fmt::format(",{:.0f}", label);
        }
        csv += "\n";
    }
    return csv;
}

template <class T>
Array make_array(DType type, Shape shape, std::vector<T> const& values) {
    auto const bytes = std::as_bytes(std::span(values));
    return {type, std::move(shape), {bytes.begin(), bytes.end()}};
}

void write_latents(Evaluation const& evaluation, std::filesystem::path const& path) {
    auto const num_rows = static_cast<std::int64_t>(evaluation.study_ids.size());
    auto const num_classes = static_cast<std::int64_t>(evaluation.prompts.size());
    std::vector<std::uint8_t> labels;
    for (float const label : evaluation.labels) {
        labels.push_back(std::isnan(label) ? kNoLabel : static_cast<std::uint8_t>(label > 0.5F));
    }
    NamedArrays arrays = evaluation.latents;
    arrays.emplace("probabilities",
                   make_array(DType::kF32, {num_rows, num_classes}, evaluation.probabilities));
    arrays.emplace("labels", make_array(DType::kU8, {num_rows, num_classes}, labels));
    write_safetensors(path, arrays, {{"study_ids", nlohmann::json(evaluation.study_ids).dump()},
                       {"label_of_unlabelled", std::to_string(kNoLabel)}},
                      IfExists::kReplace);
}

std::vector<Series> make_roc_curves(Evaluation const& evaluation) {
    std::vector<Series> curves;
    for (std::size_t i = 0; i < evaluation.table.num_classes(); ++i) {
        RankedClass const ranked(evaluation.table.score_column(i), evaluation.table.label_column(i),
                                 evaluation.origin.threshold);
        auto const positives = static_cast<double>(evaluation.metrics.classes[i].num_positives);
        double const negatives = static_cast<double>(evaluation.table.num_samples) - positives;
        Series curve{evaluation.table.class_names[i], {}};
        if (positives > 0.0 && negatives > 0.0) {
            curve.points.emplace_back(0.0, 0.0);
            for (RankedClass::CurvePoint const& point : ranked.curve()) {
                curve.points.emplace_back(static_cast<double>(point.false_positives) / negatives,
                                          static_cast<double>(point.true_positives) / positives);
            }
        }
        curves.push_back(std::move(curve));
    }
    return curves;
}

std::string table_cell(double value, Interval const& interval) {
    if (!std::isfinite(value)) {
        return "-";
    }
    return std::isfinite(interval.lower)
               ? fmt::format("{:.3f} [{:.3f}, {:.3f}]", value, interval.lower, interval.upper)
               : fmt::format("{:.3f}", value);
}

std::string table_row(std::string_view name, std::string_view positives, MetricValues const& values,
                      MetricIntervals const& intervals) {
    std::string row = fmt::format("{:<36}{:>10}", name, positives);
    for (Metric const metric : {Metric::kAuroc, Metric::kAuprc, Metric::kF1}) {
        row += fmt::format("{:>24}", table_cell(values[metric], intervals[static_cast<std::size_t>(metric)]));
    }
    return row + "\n";
}

}  // namespace

Json to_json(Evaluation const& evaluation) {
    EvaluationMetrics const& metrics = evaluation.metrics;
    EvaluationOrigin const& origin = evaluation.origin;
    return {{"schema", "ctclip.evaluation/1"},
            {"created", utc_now()},
            {"num_studies", evaluation.study_ids.size()},
            {"num_labelled_studies", evaluation.table.num_samples},
            {"per_class", classes_to_json(evaluation)},
            {"macro", to_json(metrics.macro, metrics.macro_intervals)},
            {"weighted", to_json(metrics.weighted, metrics.weighted_intervals)},
            {"official_rounded",
             {{"micro_f1", json_number(metrics.rounded.micro_f1)},
              {"flat_accuracy", json_number(metrics.rounded.flat_accuracy)}}},
            {"retrieval", to_json(evaluation.retrieval)},
            {"threshold", origin.threshold},
            {"bootstrap",
             {{"replicates", origin.bootstrap.num_replicates},
              {"seed", origin.bootstrap.seed},
              {"confidence", origin.bootstrap.confidence},
              {"generator", "MT19937, numpy legacy"}}},
            {"prompts", prompts_to_json(evaluation)},
            {"checkpoint",
             {{"path", origin.checkpoint}, {"step", origin.step}, {"software", origin.run_software}}},
            {"shards", {{"path", origin.shards}, {"digest", origin.dataset_digest}}},
            {"precision", origin.precision},
            {"ranks", origin.num_ranks},
            {"software", build_info_json("ctclip-evaluate")}};
}

void write_evaluation(Evaluation const& evaluation, std::filesystem::path const& folder,
                      std::filesystem::path const& run_metrics) {
    create_folder(folder);
    Json const json = to_json(evaluation);
    write_durably(folder / "scores.csv", make_scores_csv(evaluation), IfExists::kReplace);
    std::filesystem::path const latents = folder / "latents.safetensors";
    if (evaluation.latents.empty()) {
        std::filesystem::remove(latents);  // of an earlier evaluation in this folder: not these scores' latents
    } else {
        write_latents(evaluation, latents);
    }
    write_durably(folder / "report.html",
                  make_evaluation_page(json, make_roc_curves(evaluation), make_training_plots(run_metrics)),
                  IfExists::kReplace);
    write_durably(folder / "evaluation.json", json.dump(2) + "\n",
                  IfExists::kReplace);  // last: it says that all is there
}

std::string evaluation_table(Evaluation const& evaluation) {
    EvaluationMetrics const& metrics = evaluation.metrics;
    std::string const heading =
        fmt::format("{:<36}{:>10}{:>24}{:>24}{:>24}\n", "class", "positives", "AUROC", "AUPRC", "F1");
    std::string const rule = std::string(heading.size() - 1, '-') + "\n";
    std::string table = heading + rule;
    for (std::size_t i = 0; i < metrics.classes.size(); ++i) {
        table += table_row(evaluation.table.class_names[i], std::to_string(metrics.classes[i].num_positives),
                           metrics.classes[i], metrics.class_intervals[i]);
    }
    return table + rule + table_row("macro mean", "", metrics.macro, metrics.macro_intervals) +
           table_row("mean weighted by positives", "", metrics.weighted, metrics.weighted_intervals);
}

}  // namespace ctclip
