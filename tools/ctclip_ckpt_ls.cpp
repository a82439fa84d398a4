// ctclip-ckpt ls: what a checkpoint or weight file holds, tensor by tensor.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/digest.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/tensor_summary.hpp"
#include "checkpoint/weight_file.hpp"
#include "tools/ctclip_ckpt.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

struct LsOptions {
    std::filesystem::path file;
};

struct Totals {
    std::size_t num_tensors = 0;
    std::size_t num_elements = 0;
    std::size_t num_bytes = 0;
    std::size_t num_nan = 0;
    std::size_t num_inf = 0;

    void add(Array const& array, TensorSummary const& summary) {
        ++num_tensors;
        num_elements += summary.num_elements;
        num_bytes += array.bytes.size();
        num_nan += summary.num_nan;
        num_inf += summary.num_inf;
    }
};

/// The tensors of a file, and for a training checkpoint how far the last step moved each of them.
struct Listing {
    WeightFile file;
    std::map<std::string, double> update_ratios;  ///< |step| / |weight|
};

Listing read_listing(std::filesystem::path const& path) {
    if (!is_checkpoint(path)) {
        return {read_weight_file(path), {}};
    }
    TrainState state = read_checkpoint(path);
    Listing listing{{"checkpoint", std::move(state.model)}, {}};
    if (!state.metrics.scalars.contains("lr")) {
        return listing;
    }
    double const learning_rate = state.metrics.real("lr");
    for (auto const& [name, exp_avg] : state.exp_avg) {
        double const norm = summarise(listing.file.tensors.at(name)).norm;
        if (norm > 0.0) {
            listing.update_ratios[name] =
                learning_rate * adam_step_norm(exp_avg, state.exp_avg_sq.at(name)) / norm;
        }
    }
    return listing;
}

ordered_json describe(std::string const& name, Array const& array, TensorSummary const& summary) {
    return {{"name", name},
            {"dtype", python_dtype_name(array.type)},
            {"shape", array.shape},
            {"sha256", sha256_hex(array.bytes)},
            {"num_elements", summary.num_elements},
            {"norm", summary.norm},
            {"mean", summary.mean},
            {"min", summary.min},
            {"max", summary.max},
            {"num_nan", summary.num_nan},
            {"num_inf", summary.num_inf}};
}

std::string row(std::string const& name, Array const& array, TensorSummary const& summary,
                std::optional<double> update_ratio) {
    std::string text =
        fmt::format("{:<72} {:<8} {:<20} {:>11.4g} {:>11.4g} {:>11.4g}", name, python_dtype_name(array.type),
                    to_string(array.shape), summary.norm, summary.min, summary.max);
    if (update_ratio) {
        text += fmt::format(" {:>11.3g}", *update_ratio);
    }
    if (summary.num_nan + summary.num_inf > 0) {
        text += fmt::format("  {} NaN, {} infinite", summary.num_nan, summary.num_inf);
    }
    return text + "\n";
}

ExitCode ls(ToolContext& tool, LsOptions const& options) {
    auto const [file, update_ratios] = read_listing(options.file);
    ordered_json tensors = ordered_json::array();
    Totals totals;
    if (!tool.is_json()) {
        tool.print("{:<72} {:<8} {:<20} {:>11} {:>11} {:>11}{}\n", "name", "dtype", "shape", "norm", "min",
                   "max", update_ratios.empty() ? "" : " step/weight");
    }
    for (auto const& [name, array] : file.tensors) {
        TensorSummary const summary = summarise(array);
        auto const ratio = update_ratios.find(name);
        auto const update_ratio = ratio == update_ratios.end() ? std::nullopt : std::optional(ratio->second);
        totals.add(array, summary);
        if (!tool.is_json()) {
            tool.write(row(name, array, summary, update_ratio));
            continue;
        }
        tensors.push_back(describe(name, array, summary));
        if (update_ratio) {
            tensors.back()["update_ratio"] = *update_ratio;
        }
    }
    if (tool.is_json()) {
        tool.write_json({{"schema", "ctclip.ckpt.ls/1"},
                         {"file", options.file.string()},
                         {"format", file.format},
                         {"num_tensors", totals.num_tensors},
                         {"num_elements", totals.num_elements},
                         {"num_bytes", totals.num_bytes},
                         {"num_nan", totals.num_nan},
                         {"num_inf", totals.num_inf},
                         {"tensors", tensors}});
    } else {
        tool.print("{} ({}): {} tensors, {} elements, {} bytes, {} NaN, {} infinite\n", options.file.string(),
                   file.format, totals.num_tensors, totals.num_elements, totals.num_bytes, totals.num_nan,
                   totals.num_inf);
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand ckpt_ls_command() {
    return make_command<LsOptions>(
        "ls", "lists the tensors of a checkpoint, .safetensors, .safetensors.index.json, or torch.save file",
        {{"ctclip-ckpt ls run/checkpoints/step-00001000.h5",
          "name, dtype, shape, norm, smallest, largest, last step relative to the weight"},
         {"ctclip-ckpt ls --json CT-CLIP_v2.pt",
          "the same and SHA-256, for programs; nothing in the file is executed"}},
        [](Schema& schema, LsOptions& options) {
            schema.positional("FILE", options.file, "checkpoint or weight file").required();
        },
        ls);
}

}  // namespace ctclip
