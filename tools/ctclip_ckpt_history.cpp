// ctclip-ckpt history: the checkpoints of a run, their state of health and metrics.
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "tools/ctclip_ckpt.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

struct HistoryOptions {
    std::filesystem::path folder;
};

ordered_json to_json(Scalar const& scalar) {
    return std::visit([](auto const& value) { return ordered_json(value); }, scalar);
}

std::string metrics_text(StateGroup const& metrics) {
    std::string text;
    for (auto const& [name, value] : metrics.scalars) {
        if (auto const* real = std::get_if<double>(&value)) {
            text += fmt::format("  {} {:.5g}", name, *real);
        }
    }
    return text;
}

ExitCode history(ToolContext& tool, HistoryOptions const& options) {
    auto entries = list_checkpoints(options.folder);
    if (entries.empty()) {
        entries = list_checkpoints(options.folder / "checkpoints");
    }
    require(!entries.empty(), ExitCode::kBadInput, "{}: no checkpoint here or in its folder checkpoints/",
            options.folder.string());
    ordered_json records = ordered_json::array();
    bool all_good = true;
    for (CheckpointEntry const& entry : entries) {
        ordered_json record{{"step", entry.step},
                            {"file", entry.path.string()},
                            {"bytes", std::filesystem::file_size(entry.path)}};
        std::string text;
        try {
            TrainState const state = read_checkpoint(entry.path, CheckpointParts::kInfo);
            record.update({{"good", true},
                           {"epoch", state.info.epoch},
                           {"precision", state.info.precision},
                           {"world_size", state.info.world_size},
                           {"software", state.info.software}});
            for (auto const& [name, value] : state.metrics.scalars) {
                record["metrics"][name] = to_json(value);
            }
            text = fmt::format("epoch {:>4}  {}{}", state.info.epoch, state.info.precision,
                               metrics_text(state.metrics));
        } catch (Error const& error) {
            all_good = false;
            record.update({{"good", false}, {"problem", error.what()}});
            text = fmt::format("BAD: {}", error.what());
        }
        if (!tool.is_json()) {
            tool.print("step {:>8}  {}\n", entry.step, text);
        }
        records.push_back(std::move(record));
    }
    if (tool.is_json()) {
        tool.write_json({{"schema", "ctclip.ckpt.history/1"}, {"checkpoints", records}});
    }
    return all_good ? ExitCode::kDone : ExitCode::kBadInput;
}

}  // namespace

ToolCommand ckpt_history_command() {
    return make_command<HistoryOptions>(
        "history", "lists the checkpoints of a run with their metrics; damaged ones are named (exit 65)",
        {{"ctclip-ckpt history run/", "oldest first; every file is read and its digest checked"}},
        [](Schema& schema, HistoryOptions& options) {
            schema.positional("RUN", options.folder, "run folder, or folder of checkpoints").required();
        },
        history);
}

}  // namespace ctclip
