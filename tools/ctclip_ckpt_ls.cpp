// ctclip-ckpt ls: what a checkpoint or weight file holds, tensor by tensor.
#include <cmath>
#include <nlohmann/json.hpp>

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

void print_row(ToolContext& tool, std::string const& name, Array const& array, TensorSummary const& summary) {
    std::string const bad = summary.num_nan + summary.num_inf == 0
                                ? ""
                                : fmt::format("  {} NaN, {} infinite", summary.num_nan, summary.num_inf);
    tool.print("{:<72} {:<8} {:<20} {:>11.4g} {:>11.4g} {:>11.4g}{}\n", name, python_dtype_name(array.type),
               to_string(array.shape), summary.norm, summary.min, summary.max, bad);
}

ExitCode ls(ToolContext& tool, LsOptions const& options) {
    WeightFile const file = read_weight_file(options.file);
    ordered_json tensors = ordered_json::array();
    Totals totals;
    if (!tool.is_json()) {
        tool.print("{:<72} {:<8} {:<20} {:>11} {:>11} {:>11}\n", "name", "dtype", "shape", "norm", "min",
                   "max");
    }
    for (auto const& [name, array] : file.tensors) {
        TensorSummary const summary = summarise(array);
        totals.add(array, summary);
        if (tool.is_json()) {
            tensors.push_back(describe(name, array, summary));
        } else {
            print_row(tool, name, array, summary);
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
        {{"ctclip-ckpt ls run/checkpoints/step-00001000.h5", "name, dtype, shape, norm, smallest, largest"},
         {"ctclip-ckpt ls --json CT-CLIP_v2.pt",
          "the same and SHA-256, for programs; nothing in the file is executed"}},
        [](Schema& schema, LsOptions& options) {
            schema.positional("FILE", options.file, "checkpoint or weight file").required();
        },
        ls);
}

}  // namespace ctclip
