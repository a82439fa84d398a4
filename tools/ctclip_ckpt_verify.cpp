// ctclip-ckpt verify: is every byte as it was written?
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/weight_file.hpp"
#include "tools/ctclip_ckpt.hpp"

namespace ctclip {
namespace {

struct VerifyOptions {
    std::vector<std::filesystem::path> paths;
};

/// Files as they are; folders give their checkpoints, run folders those in checkpoints/.
std::vector<std::filesystem::path> files_of(std::filesystem::path const& path) {
    if (!std::filesystem::is_directory(path)) {
        return {path};
    }
    auto entries = list_checkpoints(path);
    if (entries.empty()) {
        entries = list_checkpoints(path / "checkpoints");
    }
    require(!entries.empty(), ExitCode::kBadInput, "{}: no checkpoint in this folder", path.string());
    std::vector<std::filesystem::path> files;
    for (CheckpointEntry const& entry : entries) {
        files.push_back(entry.path);
    }
    return files;
}

void verify_file(std::filesystem::path const& path) {
    if (is_checkpoint(path)) {
        verify_checkpoint(path);
    } else {
        read_weight_file(path);
    }
}

ExitCode verify(ToolContext& tool, VerifyOptions const& options) {
    nlohmann::ordered_json records = nlohmann::ordered_json::array();
    ExitCode code = ExitCode::kDone;
    for (auto const& path : options.paths) {
        for (auto const& file : files_of(path)) {
            std::string problem;
            try {
                verify_file(file);
            } catch (Error const& error) {
                problem = error.what();
                code = code == ExitCode::kDone ? error.code() : code;
            }
            records.push_back({{"file", file.string()}, {"good", problem.empty()}, {"problem", problem}});
            if (!tool.is_json()) {
                tool.print("{}\n", problem.empty() ? file.string() + ": good" : "BAD: " + problem);
            }
        }
    }
    if (tool.is_json()) {
        tool.write_json(
            {{"schema", "ctclip.ckpt.verify/1"}, {"good", code == ExitCode::kDone}, {"files", records}});
    }
    return code;
}

}  // namespace

ToolCommand ckpt_verify_command() {
    return make_command<VerifyOptions>(
        "verify", "checks digests and structure: exit 0 when all are good, 65 when one is not",
        {{"ctclip-ckpt verify run/", "every checkpoint of a run"},
         {"ctclip-ckpt verify step-00001000.h5 model.safetensors", "single files, checkpoints or weights"}},
        [](Schema& schema, VerifyOptions& options) {
            schema.positional("PATH", options.paths, "files, or folders of checkpoints").required();
        },
        verify);
}

}  // namespace ctclip
