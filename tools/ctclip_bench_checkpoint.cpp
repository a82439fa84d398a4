// ctclip-bench checkpoint: how long a save stops training, and what the rest of it costs in the background.
#include <nlohmann/json.hpp>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "base/machine.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "tools/bench_model.hpp"
#include "tools/ctclip_bench.hpp"
#include "tools/spread.hpp"
#include "train/state_capture.hpp"

namespace ctclip {
namespace {

struct BenchCheckpointOptions {
    std::filesystem::path folder = ".";
    BenchModel size = BenchModel::kSmall;
    std::int64_t repeats = 3;
};

/// Seconds of each part, one entry a save.
struct Timings {
    std::vector<double> stall, serialise, save, verify;
};

template <class Work>
double time_of(Work const& work) {
    BenchClock const clock;
    work();
    return clock.wall_s();
}

Timings time_saves(BenchCheckpointOptions const& options, ParameterSet const& parameters, Optimizer const& optimizer,
                   std::filesystem::path const& path) {
    Timings timings;
    for (std::int64_t i = 0; i < options.repeats; ++i) {
        TrainState state;
        timings.stall.push_back(time_of([&] { state = capture_state(parameters, optimizer, {}); }));
        timings.serialise.push_back(time_of([&] { serialise_checkpoint(std::move(state)); }));
        state = capture_state(parameters, optimizer, {});
        timings.save.push_back(
            time_of([&] { write_checkpoint(path, std::move(state), IfExists::kReplace); }));
        timings.verify.push_back(time_of([&] { verify_checkpoint(path); }));
    }
    return timings;
}

ExitCode bench_checkpoint(ToolContext& tool, BenchCheckpointOptions const& options) {
    std::filesystem::path const path = options.folder / "ctclip-bench-checkpoint.h5";
    require(!std::filesystem::exists(path), ExitCode::kCannotCreate,
            "{} exists; remove it, or choose another --folder", path.string());
    ModelOptions const sizes = bench_model_options(options.size);
    ParameterSet parameters(sizes, at::kCPU, at::kFloat);
    parameters.initialise(1);
    Optimizer const optimizer(trained_tensors(parameters), {}, 1);
    std::int64_t const resident_bytes = peak_memory_bytes();

    Timings const timings = time_saves(options, parameters, optimizer, path);
    auto const file_bytes = static_cast<double>(std::filesystem::file_size(path));
    std::filesystem::remove(path);
    tool.write_json({{"schema", "ctclip.bench.checkpoint/1"},
                     {"size", name_of(options.size)},
                     {"trained_parameters", parameters.num_trained_parameters()},
                     {"file_bytes", file_bytes},
                     {"saves", options.repeats},
                     {"stall_s", spread(timings.stall)},
                     {"serialise_s", spread(timings.serialise)},
                     {"serialise_write_verify_s", spread(timings.save)},
                     {"verify_every_chunk_s", spread(timings.verify)},
                     {"extra_memory_over_file",
                      static_cast<double>(peak_memory_bytes() - resident_bytes) / file_bytes},
                     {"software", software_name()}});
    return ExitCode::kDone;
}

}  // namespace

ToolCommand bench_checkpoint_command() {
    return make_command<BenchCheckpointOptions>(
        "checkpoint", "the stall of a save, and the time and memory of writing it in the background",
        {{"ctclip-bench checkpoint --size full --folder /scratch",
          "284 M parameters with their moments; the file is removed again"}},
        [](Schema& schema, BenchCheckpointOptions& options) {
            bind_bench_model(schema, options.size);
            schema.key("folder", options.folder, "file system to write to").flag("--folder");
            schema.key("repeats", options.repeats, "saves").positive().flag("--repeats");
        },
        bench_checkpoint);
}

}  // namespace ctclip
