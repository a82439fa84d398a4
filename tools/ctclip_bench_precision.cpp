// ctclip-bench precision: the same trainings in fp32, bf16 and fp16, evaluated and compared.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/output_folder.hpp"
#include "loader/shard_list.hpp"
#include "loader/shard_source.hpp"
#include "report/precision_study.hpp"
#include "tools/child_process.hpp"
#include "tools/ctclip_bench.hpp"

namespace ctclip {
namespace {

struct BenchPrecisionOptions {
    std::filesystem::path config;
    std::vector<std::string> settings;
    std::string shards;
    std::filesystem::path output;
    std::vector<std::int64_t> seeds = {2025, 2026, 2027};
    std::vector<std::string> precisions = {"fp32", "bf16", "fp16"};
    std::string launcher;
    std::int64_t bootstrap = 1000;
};

std::vector<std::string> split_words(std::string const& text) {
    std::vector<std::string> words;
    for (std::size_t begin = text.find_first_not_of(' '); begin != std::string::npos;) {
        std::size_t const end = std::min(text.find(' ', begin), text.size());
        words.push_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(' ', end);
    }
    return words;
}

/// Runs one of our jobs under the launcher.
void run_job_of_study(BenchPrecisionOptions const& options, std::string const& program,
                      std::vector<std::string> const& arguments, std::filesystem::path const& log) {
    std::vector<std::string> words = split_words(options.launcher);
    words.push_back(program_folder() / program);
    words.insert(words.end(), arguments.begin(), arguments.end());
    int const code = run_and_wait(words, log);
    // The job's own exit code, so that 75 (run the same command again) still says so.
    require(code == 0, static_cast<ExitCode>(code), "{} ended with exit code {}; {} says why", program, code,
            log.string());
}

std::string read_config(std::filesystem::path const& path) {
    try {
        return read_text_file(path);
    } catch (Error const& error) {
        throw Error(ExitCode::kBadConfig, std::string("configuration: ") + error.what());
    }
}

/// What the result of every run depends on, beside its precision and seed.
nlohmann::ordered_json inputs_of(BenchPrecisionOptions const& options) {
    ShardSource const judged_on(resolve_shards(options.shards));
    return {{"config_sha256", sha256_hex(read_config(options.config))},
            {"with", options.settings},
            {"valid_digest", judged_on.digest()},
            {"bootstrap", options.bootstrap},
            {"launcher", options.launcher}};
}

/// With which inputs a run was done; written last.
std::filesystem::path record_path(StudiedRun const& run) {
    return run.evaluation / "study_inputs.json";
}

/// Kept only if it was made from the same inputs.
bool is_done(StudiedRun const& run, nlohmann::ordered_json const& inputs) {
    std::filesystem::path const path = record_path(run);
    if (!std::filesystem::exists(path) || !std::filesystem::exists(run.evaluation / "evaluation.json")) {
        return false;
    }
    auto const before = nlohmann::ordered_json::parse(read_text_file(path), nullptr, false);
    for (auto const& [name, value] : inputs.items()) {
        if (!before.is_object() || !before.contains(name) || before[name] != value) {
            log_warning("{}, seed {}: was done with another '{}', so it is done again", run.precision, run.seed, name);
            return false;
        }
    }
    return true;
}

/// Both programs go on where they stopped, and a finished training ends at once (or refuses what would change it).
void train_and_evaluate(BenchPrecisionOptions const& options, StudiedRun const& run,
                        nlohmann::ordered_json const& inputs) {
    create_folder(run.run.parent_path());
    std::filesystem::path const log = run.run.parent_path() / (run.precision + ".log");
    if (is_done(run, inputs)) {
        log_info("{}, seed {}: done before", run.precision, run.seed);
        return;
    }
    log_info("{}, seed {}: training, see {}", run.precision, run.seed, log.string());
    std::vector<std::string> arguments = {"--config", options.config, "--set", "run.dir=" + run.run.string(),
                                          "--set", "training.mixed_precision=" + run.precision, "--set",
                                          fmt::format("experiment.seed={}", run.seed)};
    for (std::string const& setting : options.settings) {
        arguments.insert(arguments.end(), {"--set", setting});
    }
    run_job_of_study(options, "ctclip-train", arguments, log);
    log_info("{}, seed {}: evaluating", run.precision, run.seed);
    run_job_of_study(options, "ctclip-evaluate",
                     {"--shards", options.shards, "--checkpoint", run.run, "--output", run.evaluation, "--bootstrap",
                      std::to_string(options.bootstrap)},
                     log);
    write_durably(record_path(run), inputs.dump(2) + "\n", IfExists::kReplace);
}

std::vector<StudiedRun> plan_runs(BenchPrecisionOptions const& options) {
    std::vector<StudiedRun> runs;
    for (std::int64_t const seed : options.seeds) {
        std::filesystem::path const folder = options.output / fmt::format("seed-{}", seed);
        for (std::string const& precision : options.precisions) {
            runs.push_back({precision, seed, folder / precision, folder / (precision + "-evaluation")});
        }
    }
    return runs;
}

template <class T>
void require_no_repetition(std::vector<T> values, char const* flag) {
    std::ranges::sort(values);
    auto const twin = std::ranges::adjacent_find(values);
    require(twin == values.end(), ExitCode::kUsage,
            "{}: {} is there twice (one training would count as two)", flag, twin == values.end() ? T() : *twin);
}

/// What the study sets for each run: from --with it would win over that, and all runs would be the same.
void require_settings_of_one_run(std::vector<std::string> const& settings) {
    for (std::string const& setting : settings) {
        for (char const* const key : {"run.dir", "training.mixed_precision", "experiment.seed"}) {
            require(!setting.starts_with(std::string(key) + "="), ExitCode::kUsage,
                    "--with {}: the study sets {} for each of its runs. Use --output, --precisions or --seeds", setting,
                    key);
        }
    }
}

ExitCode bench_precision(ToolContext& tool, BenchPrecisionOptions const& options) {
    require_settings_of_one_run(options.settings);
    require_no_repetition(options.seeds, "--seeds");
    require_no_repetition(options.precisions, "--precisions");
    require_creatable(options.output);
    std::vector<StudiedRun> const runs = plan_runs(options);
    nlohmann::ordered_json const inputs = inputs_of(options);
    for (StudiedRun const& run : runs) {
        train_and_evaluate(options, run, inputs);
    }
    PrecisionStudy const study =
        read_precision_study(runs, {.num_replicates = static_cast<std::size_t>(options.bootstrap)});
    nlohmann::ordered_json const record = to_json(study);
    write_durably(options.output / "precision.json", record.dump(2) + "\n", IfExists::kReplace);
    write_durably(options.output / "precision.html", make_precision_page(study), IfExists::kReplace);
    tool.write_json(record);
    for (std::string const& verdict : verdicts(study)) {
        log_info("{}", verdict);
    }
    log_info("look at {}", (options.output / "precision.html").string());
    return ExitCode::kDone;
}

}  // namespace

ToolCommand bench_precision_command() {
    return make_command<BenchPrecisionOptions>(
        "precision", "the same trainings in fp32, bf16 and fp16: time, memory, and what it changes in AUROC",
        {{"ctclip-bench precision --config configs/demo_train.yaml --with data.webdataset_shards_train=shards/train "
          "--valid shards/valid --output runs/precision --launcher 'mpirun -n 2'",
          "JSON on stdout, precision.json and precision.html in the output folder; the same command goes on"}},
        [](Schema& schema, BenchPrecisionOptions& options) {
            schema.option("--config", options.config, "configuration of the training").required();
            schema.option("--with", options.settings, "KEY=VALUE of the training, repeatable");
            schema.option("--valid", options.shards, "shards to judge on").required();
            schema.option("--output", options.output, "folder for the runs and the result").required();
            schema.key("seeds", options.seeds, "one training a precision and seed").flag("--seeds");
            schema.key("precisions", options.precisions, "the first is what the others are compared with")
                .choices({"fp32", "bf16", "fp16"})
                .flag("--precisions");
            schema.option("--launcher", options.launcher, "starts the ranks, such as 'mpirun -n 2' or 'srun'");
            schema.key("bootstrap", options.bootstrap, "replicates of the intervals")
                .positive()
                .flag("--bootstrap");
        },
        bench_precision);
}

}  // namespace ctclip
