// ctclip-bench loader: how fast shards become model inputs, and what those inputs are.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/build_info.hpp"
#include "base/digest.hpp"
#include "base/log.hpp"
#include "kernels/preprocess_cpu.hpp"
#include "loader/batch_loader.hpp"
#include "text/vocabulary.hpp"
#include "tools/bench_gpu_loader.hpp"
#include "tools/ctclip_bench.hpp"

namespace ctclip {
namespace {

struct BenchLoaderOptions {
    DatasetOptions dataset;
    std::filesystem::path config;
    std::filesystem::path vocab;
    bool wants_digests = false;
    bool uses_gpu = false;
    std::int64_t repeats = 1;
    double target_rate = 13.0;
};

/// Small batches, so that a full-size run fits any machine; a configuration's own values win.
DataOptions read_data_options(std::filesystem::path const& config) {
    DataOptions data;
    data.shuffle = false;
    data.batch_size = 1;
    data.num_workers = std::max(1U, std::thread::hardware_concurrency());
    if (config.empty()) {
        return data;
    }
    Schema schema;
    data.bind(schema);
    for (char const* const section : {"experiment", "model", "training", "validation", "checkpoint",
                                      "logging", "device", "run", "convert", "evaluate"}) {
        schema.section_of_other_program(section);
    }
    schema.load_file(config);
    schema.check();
    return data;
}

/// With data.preprocess_on: device, what is left to threads beside a GPU: reading, checksums, text.
LoaderOptions loader_options(DataOptions const& data, Epochs epochs) {
    LoaderOptions options;
    options.data = data;
    options.form = data.preprocess_on == PreprocessPlace::kDevice ? VolumeForm::kStored : VolumeForm::kModelInput;
    options.remainder = Remainder::kPad;
    options.epochs = epochs;
    return options;
}

/// One line a sample, in dataset order.
ExitCode print_digests(ToolContext& tool, std::shared_ptr<SampleSource const> source, DataOptions data) {
    data.shuffle = false;
    data.batch_size = 1;
    data.preprocess_on = PreprocessPlace::kCpu;
    BatchLoader loader(std::move(source), loader_options(data, Epochs::kOne), nullptr, {});
    while (BatchLease const batch = loader.next()) {
        tool.write_json({{"key", batch->keys.front()},
                         {"study_id", batch->study_ids.front()},
                         {"sha256", sha256_hex(std::as_bytes(batch->volumes))}});
    }
    return ExitCode::kDone;
}

/// One pass over the shards.
struct PassTimes {
    double wall_s = 0.0;
    double cpu_s = 0.0;
    std::int64_t num_delivered = 0;
    StageTimes
        stages;  ///< of the samples that were prepared meanwhile: some were in flight before, some are still
};

PassTimes run_pass(BatchLoader& loader) {
    StageTimes const before = loader.stage_times();
    BenchClock const clock;
    PassTimes pass;
    for (std::int64_t batch = 0; batch < loader.batches_per_epoch(); ++batch) {
        pass.num_delivered += loader.next()->num_valid;
    }
    pass.wall_s = clock.wall_s();
    pass.cpu_s = clock.cpu_s();
    pass.stages = loader.stage_times() - before;
    return pass;
}

nlohmann::json record_of(PassTimes const& pass, BatchLoader const& loader, DataOptions const& data,
                         double target_rate) {
    auto const num_delivered = static_cast<double>(pass.num_delivered);
    auto const num_prepared = static_cast<double>(std::max(pass.stages.num_samples, std::int64_t{1}));
    auto const ms_per_volume = [&](double seconds) { return seconds / num_prepared * 1e3; };
    return {{"schema", "ctclip.bench.loader/1"},
            {"software", software_name()},
            {"instruction_set", preprocess_instruction_set()},
            {"num_workers", data.num_workers},
            {"batch_size", data.batch_size},
            {"num_samples", pass.num_delivered},
            {"volumes_per_s", num_delivered / pass.wall_s},
            {"stored_gb_per_s", static_cast<double>(pass.stages.bytes_read) / pass.wall_s * 1e-9},
            {"wall_ms_per_volume", pass.wall_s / num_delivered * 1e3},
            {"cpu_ms_per_volume", ms_per_volume(pass.cpu_s)},
            {"busy_ms_per_volume", ms_per_volume(pass.stages.busy_s())},
            {"read_ms_per_volume", ms_per_volume(pass.stages.read_s)},
            {"checksum_ms_per_volume", ms_per_volume(pass.stages.checksum_s)},
            {"preprocess_ms_per_volume", ms_per_volume(pass.stages.preprocess_s)},
            {"text_ms_per_volume", ms_per_volume(pass.stages.text_s)},
            {"slowest_stage", pass.stages.slowest_stage()},
            {"memory_bound_bytes", loader.memory_bound_bytes()},
            {"target_volumes_per_s", target_rate},
            {"cores_at_target", pass.cpu_s / num_prepared * target_rate}};
}

ExitCode bench_loader(ToolContext& tool, BenchLoaderOptions const& options) {
    DataOptions const data = read_data_options(options.config);
    auto const source = open_dataset(options.dataset);
    if (options.wants_digests) {
        return print_digests(tool, source, data);
    }
    if (options.uses_gpu) {
        return bench_gpu_loader(tool, source, data, options.repeats);
    }
    std::shared_ptr<WordPieceTokenizer const> tokenizer;
    if (!options.vocab.empty()) {
        tokenizer = std::make_shared<WordPieceTokenizer const>(Vocabulary::load(options.vocab));
    }
    // One loader for all passes: threads go on with the next pass while the last rows of one are delivered,
    // as in training, and only the first pass touches fresh memory.
    BatchLoader loader(source, loader_options(data, Epochs::kEndless), tokenizer, {});
    for (std::int64_t repeat = 0; repeat < options.repeats; ++repeat) {
        nlohmann::json const record = record_of(run_pass(loader), loader, data, options.target_rate);
        log_info(
            "{:.2f} volumes/s, {:.2f} GB/s stored; per volume {:.1f} ms of processor time; threads' time: "
            "reading {:.1f}, checksums {:.1f}, preprocessing {:.1f}, text {:.2f}; {:.2f} cores at {} volumes/s",
            record.at("volumes_per_s").get<double>(), record.at("stored_gb_per_s").get<double>(),
            record.at("cpu_ms_per_volume").get<double>(), record.at("read_ms_per_volume").get<double>(),
            record.at("checksum_ms_per_volume").get<double>(),
            record.at("preprocess_ms_per_volume").get<double>(),
            record.at("text_ms_per_volume").get<double>(), record.at("cores_at_target").get<double>(),
            options.target_rate);
        tool.write_json(record);
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand bench_loader_command() {
    return make_command<BenchLoaderOptions>(
        "loader", "reads all samples of shards and makes them model inputs",
        {{"ctclip-bench loader --shards /data/shards --config run.yaml", "measures one pass over the shards"},
         {"ctclip-bench loader --shards /data/shards --digests", "prints the SHA-256 of every model input"},
         {"ctclip-bench loader --shards /data/shards --gpu", "measures the first GPU's part instead"}},
        [](Schema& schema, BenchLoaderOptions& options) {
            VolumeFolder& folder = options.dataset.folder;
            schema.option("--shards", options.dataset.shards,
                          "folder, tars, glob or range of shards; a::b joins");
            schema.option("--volumes", folder.volumes, "in place of shards: folder of .npz, .nii or .nii.gz");
            schema.option("--reports", folder.reports, "CSV of their reports");
            schema.option("--metadata", folder.metadata, "CSV of their spacings, slopes and intercepts");
            schema.option("--labels", folder.labels, "CSV of their labels");
            schema.rule("shards", [&options] {
                return options.dataset.is_given() ? "" : "is missing (or --volumes): what to read";
            });
            schema.rule("volumes", [&options] { return options.dataset.find_problem(); });
            schema.option("--config", options.config, "training configuration; its data: section is used");
            schema.option("--vocab", options.vocab, "vocab.txt: reports are tokenized as well");
            schema.option("--digests", options.wants_digests,
                          "print a SHA-256 for every sample, in shard order");
            schema.option("--gpu", options.uses_gpu,
                          "the first GPU's part: upload, and the kernel beside the floor of its bytes");
            schema.option("--repeats", options.repeats, "passes over the shards, a record each").positive();
            schema
                .option("--target-rate", options.target_rate,
                        "volumes/s that one GPU uses, for cores_at_target")
                .positive();
        },
        bench_loader);
}

}  // namespace ctclip
