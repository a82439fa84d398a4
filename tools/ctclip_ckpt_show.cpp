// ctclip-ckpt show: one tensor, or what a checkpoint says about itself.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/tensor_summary.hpp"
#include "checkpoint/weight_file.hpp"
#include "tools/ctclip_ckpt.hpp"
#include "tools/histogram.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kNumFirstValues = 16;
constexpr std::size_t kNumBins = 16;
constexpr std::size_t kNumPictureBins = 128;
constexpr std::size_t kBarWidth = 50;

struct ShowOptions {
    std::filesystem::path file;
    std::string name;
    std::filesystem::path png;
};

ordered_json to_json(StateGroup const& group) {
    ordered_json json = ordered_json::object();
    for (auto const& [name, value] : group.scalars) {
        json[name] = std::visit([](auto const& scalar) { return ordered_json(scalar); }, value);
    }
    for (auto const& [name, array] : group.arrays) {
        json[name] = {{"dtype", python_dtype_name(array.type)}, {"shape", array.shape}};
    }
    return json;
}

ordered_json to_json(CheckpointInfo const& info) {
    return {{"step", info.step},
            {"epoch", info.epoch},
            {"precision", info.precision},
            {"world_size", info.world_size},
            {"num_threads", info.num_threads},
            {"software", info.software},
            {"dataset_digest", info.dataset_digest}};
}

ExitCode show_state(ToolContext& tool, std::filesystem::path const& path) {
    // A damaged checkpoint may not look like one any more: reading it says what is wrong.
    require(is_checkpoint(path) || path.extension() == ".h5", ExitCode::kUsage,
            "{}: only a checkpoint can be shown whole. Name a tensor", path.string());
    TrainState const state = read_checkpoint(path);
    ordered_json record{{"schema", "ctclip.ckpt.show/1"}, {"file", path.string()}};
    record.update(to_json(state.info));
    record["num_model_tensors"] = state.model.size();
    record["num_moments"] = state.exp_avg.size();
    std::pair<char const*, StateGroup const&> const groups[] = {
        {"scaler", state.scaler}, {"schedule", state.schedule}, {"sampler", state.sampler},
        {"rng", state.rng},       {"codebook", state.codebook}, {"metrics", state.metrics}};
    for (auto const& [name, group] : groups) {
        record[name] = to_json(group);
    }
    if (tool.is_json()) {
        record["config"] = state.info.config;
        tool.write_json(record);
        return ExitCode::kDone;
    }
    for (auto const& [name, value] : record.items()) {
        tool.print("{:<18} {}\n", name, value.dump());
    }
    tool.print("config:\n{}\n", state.info.config);
    return ExitCode::kDone;
}

std::vector<double> first_values(Array const& array) {
    ValueReader const read = value_reader(array.type);
    std::size_t const item_bytes = item_size_bytes(array.type);
    std::vector<double> values(std::min(kNumFirstValues, array.bytes.size() / item_bytes));
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = read(array.bytes.data() + i * item_bytes);
    }
    return values;
}

void print_tensor(ToolContext& tool, ordered_json const& record, Histogram const& histogram) {
    for (auto const& [name, value] : record.items()) {
        if (name != "histogram" && name != "schema") {
            tool.print("{:<14} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
        }
    }
    std::size_t const most = histogram.most();
    for (std::size_t bin = 0; most > 0 && bin < kNumBins; ++bin) {
        std::size_t const count = histogram.counts[bin];
        std::size_t const bar = (count * kBarWidth + most - 1) / most;
        tool.print("{:>12.4g} {:<{}} {}\n", histogram.low + histogram.bin_width() * static_cast<double>(bin),
                   std::string(bar, '#'), kBarWidth, count);
    }
}

ExitCode show_tensor(ToolContext& tool, ShowOptions const& options) {
    WeightFile const file = read_weight_file(options.file);
    auto const found = file.tensors.find(options.name);
    require(found != file.tensors.end(), ExitCode::kBadInput,
            "{}: no tensor '{}'. `ctclip-ckpt ls` lists them", options.file.string(), options.name);
    Array const& array = found->second;
    TensorSummary const summary = summarise(array);
    Histogram const histogram = make_histogram(array, summary.min, summary.max, kNumBins);
    ordered_json const record{{"schema", "ctclip.ckpt.show/1"},
                              {"file", options.file.string()},
                              {"name", options.name},
                              {"dtype", python_dtype_name(array.type)},
                              {"shape", array.shape},
                              {"sha256", sha256_hex(array.bytes)},
                              {"norm", summary.norm},
                              {"mean", summary.mean},
                              {"min", summary.min},
                              {"max", summary.max},
                              {"num_nan", summary.num_nan},
                              {"num_inf", summary.num_inf},
                              {"first_values", first_values(array)},
                              {"histogram", histogram.counts}};
    if (tool.is_json()) {
        tool.write_json(record);
    } else {
        print_tensor(tool, record, histogram);
    }
    if (!options.png.empty()) {
        write_histogram_png(options.png, make_histogram(array, summary.min, summary.max, kNumPictureBins));
    }
    return ExitCode::kDone;
}

ExitCode show_any(ToolContext& tool, ShowOptions const& options) {
    require(options.png.empty() || !options.name.empty(), ExitCode::kUsage,
            "--png draws the values of one tensor: name it after the file");
    return options.name.empty() ? show_state(tool, options.file) : show_tensor(tool, options);
}

}  // namespace

ToolCommand ckpt_show_command() {
    return make_command<ShowOptions>(
        "show", "shows one tensor with a histogram, or without a name a checkpoint's state and configuration",
        {{"ctclip-ckpt show step-00001000.h5", "step, precision, scaler, sampler, metrics, configuration"},
         {"ctclip-ckpt show step-00001000.h5 to_text_latent.weight --png values.png",
          "one tensor, and a picture of how its values are spread"}},
        [](Schema& schema, ShowOptions& options) {
            schema.positional("FILE", options.file, "checkpoint or weight file").required();
            schema.positional("NAME", options.name, "tensor");
            schema.option("--png", options.png, "also draw the histogram of NAME's values into this file");
        },
        show_any);
}

}  // namespace ctclip
