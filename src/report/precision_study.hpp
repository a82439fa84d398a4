/// What mixed precision costs and saves: the same trainings in several precisions, put side by side.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "evaluate/paired_difference.hpp"

namespace ctclip {

/// A finished training and its evaluation.
struct StudiedRun {
    std::string precision;              ///< "fp32", ...
    std::int64_t seed = 0;              ///< experiment.seed
    std::filesystem::path run;          ///< run folder: metrics.jsonl, run.json
    std::filesystem::path evaluation;   ///< evaluation.json, scores.csv
};

struct RunResult {
    StudiedRun origin;
    ScoreTable scores;
    double macro_auroc = kUndefined;
    Interval macro_interval;
    std::vector<std::pair<double, double>> losses;  ///< (step, loss)
    double median_step_s = kUndefined;              ///< without the first steps, in which memory is first touched
    std::int64_t peak_memory_bytes = 0;             ///< of rank 0
    std::int64_t num_skipped_steps = 0;
};

/// One precision against the baseline, over all seeds.
struct PrecisionChange {
    std::string precision;
    PairedDifference auroc;
};

struct PrecisionStudy {
    std::string baseline;            ///< the precision that the others are compared with
    std::vector<RunResult> runs;     ///< seed by seed
    std::vector<PrecisionChange> changes;
    std::string device;              ///< of the first run, and its versions
    std::string software;
    std::size_t num_studies = 0;

    std::vector<std::string> precisions() const;  ///< in the order of the runs
};

/// @param runs  every precision with the same seeds; the first run's precision is the baseline.
/// @throws Error kBadInput naming the file that is missing, unreadable, or about other studies.
PrecisionStudy read_precision_study(std::span<StudiedRun const> runs, BootstrapOptions const& bootstrap);

nlohmann::ordered_json to_json(PrecisionStudy const& study);

/// "fp16 changes the macro AUROC by -0.004 [-0.012, +0.003] against fp32: ..." one sentence a precision.
std::vector<std::string> verdicts(PrecisionStudy const& study);

/// One self-contained page: verdict, table, loss curves, AUROC and its changes.
std::string make_precision_page(PrecisionStudy const& study);

}  // namespace ctclip
