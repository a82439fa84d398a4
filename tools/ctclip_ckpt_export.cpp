// ctclip-ckpt export: a checkpoint's weights for Python.
#include <nlohmann/json.hpp>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "tools/ctclip_ckpt.hpp"

namespace ctclip {
namespace {

struct ExportOptions {
    std::filesystem::path checkpoint;
    std::filesystem::path output;
};

ExitCode export_weights(ToolContext& tool, ExportOptions const& options) {
    TrainState const state = read_checkpoint(options.checkpoint, CheckpointParts::kModel);
    require(!state.model.empty(), ExitCode::kBadInput, "{}: it holds no weights",
            options.checkpoint.string());
    std::string const sha256 = write_safetensors(
        options.output, state.model,
        {{"format", "pt"}, {"step", std::to_string(state.info.step)}, {"software", software_name()}});
    if (tool.is_json()) {
        tool.write_json({{"schema", "ctclip.ckpt.export/1"},
                         {"file", options.output.string()},
                         {"sha256", sha256},
                         {"step", state.info.step},
                         {"num_tensors", state.model.size()}});
    } else {
        tool.print("{}: {} tensors of step {}\n", options.output.string(), state.model.size(),
                   state.info.step);
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand ckpt_export_command() {
    return make_command<ExportOptions>(
        "export", "writes a checkpoint's weights as .safetensors under the Python state-dict names",
        {{"ctclip-ckpt export step-00010000.h5 --output model.safetensors",
          "in Python: model.load_state_dict(safetensors.torch.load_file('model.safetensors'), strict=True)"}},
        [](Schema& schema, ExportOptions& options) {
            schema.positional("CHECKPOINT", options.checkpoint, "ctclip checkpoint").required();
            schema.option("--output", options.output, "file to write; it must not exist").required();
        },
        export_weights);
}

}  // namespace ctclip
