#include "report/precision_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/json_number.hpp"
#include "study/csv_reader.hpp"

namespace ctclip {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNumFirstSteps = 10;
constexpr std::string_view kLabelPrefix = "label: ";

Json read_json(std::filesystem::path const& path) {
    Json json = Json::parse(read_text_file(path), nullptr, false);
    require(json.is_object(), ExitCode::kBadInput, "{}: not a JSON object", path.string());
    return json;
}

double number_at(Json const& json, char const* name) {
    auto const found = json.find(name);
    return found != json.end() && found->is_number() ? found->get<double>() : kUndefined;
}

float number_in(CsvReader const& csv, std::size_t column) {
    std::string const& cell = csv.cells()[column];
    float value = std::numeric_limits<float>::quiet_NaN();  // an empty label: the study has none
    if (!cell.empty()) {
        auto const [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
        if (error != std::errc() || end != cell.data() + cell.size()) {
            csv.refuse(column, "not a number");
        }
    }
    return value;
}

/// study_id, a probability a class, a label a class (evaluation_output.cpp).
ScoreTable read_scores(std::filesystem::path const& path) {
    CsvReader csv(path);
    std::size_t const num_classes = (csv.header().size() - 1) / 2;
    require(csv.header().size() == 2 * num_classes + 1 && num_classes > 0 &&
                csv.header()[num_classes + 1].starts_with(kLabelPrefix),
            ExitCode::kBadInput, "{}: not the scores.csv of an evaluation", path.string());
    std::vector<std::string> const classes(csv.header().begin() + 1,
                                           csv.header().begin() + 1 + static_cast<std::ptrdiff_t>(num_classes));
    std::vector<float> scores;
    std::vector<float> labels;
    while (csv.next()) {
        for (std::size_t i = 1; i <= num_classes; ++i) {
            scores.push_back(number_in(csv, i));
            labels.push_back(number_in(csv, num_classes + i));
        }
    }
    return make_score_table(classes, scores, labels);
}

void read_metrics(std::filesystem::path const& path, RunResult& result) {
    std::ifstream lines(path);
    require(lines.good(), ExitCode::kBadInput, "{}: cannot be read", path.string());
    std::vector<double> step_s;
    for (std::string line; std::getline(lines, line);) {
        Json const record = Json::parse(line, nullptr, false);
        if (!record.is_object() || !record.contains("loss") || !record.contains("step_s")) {
            continue;  // a validation, or a line that a kill has cut
        }
        result.losses.emplace_back(number_at(record, "step"), number_at(record, "loss"));
        step_s.push_back(number_at(record, "step_s"));
        result.peak_memory_bytes =
            std::max(result.peak_memory_bytes, static_cast<std::int64_t>(number_at(record, "peak_memory_bytes")));
        result.num_skipped_steps = static_cast<std::int64_t>(number_at(record, "skipped_steps"));
    }
    require(!step_s.empty(), ExitCode::kBadInput, "{}: holds no step", path.string());
    if (step_s.size() > kNumFirstSteps) {
        step_s.erase(step_s.begin(), step_s.begin() + kNumFirstSteps);
    }
    std::ranges::sort(step_s);
    result.median_step_s = percentile(step_s, 0.5);
}

RunResult read_run(StudiedRun const& run) {
    RunResult result;
    result.origin = run;
    result.scores = read_scores(run.evaluation / "scores.csv");
    Json const evaluation = read_json(run.evaluation / "evaluation.json");
    Json const& auroc = evaluation.at("macro").at("auroc");
    result.macro_auroc = number_at(auroc, "value");
    result.macro_interval = {number_at(auroc, "ci_lower"), number_at(auroc, "ci_upper"), 0};
    read_metrics(run.run / "metrics.jsonl", result);
    return result;
}

RunResult const& run_of(PrecisionStudy const& study, std::string const& precision, std::int64_t seed) {
    auto const found = std::ranges::find_if(study.runs, [&](RunResult const& run) {
        return run.origin.precision == precision && run.origin.seed == seed;
    });
    require(found != study.runs.end(), ExitCode::kBadInput, "there is no run in {} with seed {}", precision, seed);
    return *found;
}

Json to_json(DifferenceEstimate const& estimate) {
    return {{"value", json_number(estimate.value)},
            {"ci_lower", json_number(estimate.interval.lower)},
            {"ci_upper", json_number(estimate.interval.upper)}};
}

Json to_json(RunResult const& run) {
    return {{"precision", run.origin.precision},
            {"seed", run.origin.seed},
            {"run", run.origin.run.string()},
            {"macro_auroc",
             {{"value", run.macro_auroc},
              {"ci_lower", run.macro_interval.lower},
              {"ci_upper", run.macro_interval.upper}}},
            {"median_step_s", run.median_step_s},
            {"peak_memory_bytes", run.peak_memory_bytes},
            {"skipped_steps", run.num_skipped_steps},
            {"steps", run.losses.size()}};
}

}  // namespace

std::vector<std::string> PrecisionStudy::precisions() const {
    std::vector<std::string> names;
    for (RunResult const& run : runs) {
        if (std::ranges::find(names, run.origin.precision) == names.end()) {
            names.push_back(run.origin.precision);
        }
    }
    return names;
}

PrecisionStudy read_precision_study(std::span<StudiedRun const> runs, BootstrapOptions const& bootstrap) {
    require(!runs.empty(), ExitCode::kBadInput, "a study needs runs");
    PrecisionStudy study;
    study.baseline = runs.front().precision;
    std::vector<std::int64_t> seeds;
    for (StudiedRun const& run : runs) {
        study.runs.push_back(read_run(run));
        if (run.precision == study.baseline) {
            seeds.push_back(run.seed);
        }
    }
    Json const record = read_json(runs.front().run / "run.json");
    study.device = record.value("device", "");
    study.software = record.contains("software") ? record["software"].dump() : "";
    study.num_studies = study.runs.front().scores.num_samples;
    for (std::string const& precision : study.precisions()) {
        if (precision == study.baseline) {
            continue;
        }
        std::vector<ScorePair> pairs;
        for (std::int64_t const seed : seeds) {
            pairs.push_back({run_of(study, study.baseline, seed).scores, run_of(study, precision, seed).scores});
        }
        study.changes.push_back({precision, paired_auroc_difference(pairs, bootstrap)});
    }
    return study;
}

Json to_json(PrecisionStudy const& study) {
    Json runs = Json::array();
    for (RunResult const& run : study.runs) {
        runs.push_back(to_json(run));
    }
    Json changes = Json::object();
    for (PrecisionChange const& change : study.changes) {
        Json classes = Json::object();
        for (std::size_t i = 0; i < change.auroc.classes.size(); ++i) {
            classes[study.runs.front().scores.class_names[i]] = to_json(change.auroc.classes[i]);
        }
        Json by_seed = Json::array();
        for (DifferenceEstimate const& estimate : change.auroc.by_pair) {
            by_seed.push_back(to_json(estimate));
        }
        changes[change.precision] = {
            {"macro_auroc", to_json(change.auroc.macro)}, {"by_seed", by_seed}, {"per_class", classes}};
    }
    return {{"schema", "ctclip.precision/1"}, {"baseline", study.baseline}, {"studies", study.num_studies},
            {"device", study.device},         {"runs", runs},               {"auroc_change", changes},
            {"verdicts", verdicts(study)}};
}

std::vector<std::string> verdicts(PrecisionStudy const& study) {
    std::vector<std::string> sentences;
    for (PrecisionChange const& change : study.changes) {
        DifferenceEstimate const& macro = change.auroc.macro;
        bool const holds_zero = macro.interval.lower <= 0.0 && macro.interval.upper >= 0.0;
        sentences.push_back(fmt::format(
            "{} changes the macro AUROC by {:+.4f} [{:+.4f}, {:+.4f}] against {} ({} seed{}, {} studies): {}.",
            change.precision, macro.value, macro.interval.lower, macro.interval.upper, study.baseline,
            change.auroc.by_pair.size(), change.auroc.by_pair.size() == 1 ? "" : "s", study.num_studies,
            holds_zero ? "no difference was found" : "a difference was found"));
    }
    return sentences;
}

}  // namespace ctclip
