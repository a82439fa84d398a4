#include "train/resume_check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"
#include "config/yaml_reader.hpp"

namespace ctclip {
namespace {

using Settings = std::map<std::string, std::string>;  // dotted key -> value as text

/// Sections, and single keys of other sections, that reach the mathematics of a step.
constexpr std::array<std::string_view, 10> kMathematics = {
    "model.",         "training.",          "experiment.seed",      "data.shuffle",
    "data.report_text", "data.clip_order",  "data.bad_samples",     "data.target_spacing_mm",
    "data.target_shape", "data.max_bad_samples"};
/// Keys of those sections that do not: intervals, time limits, what is watched. init_from is read before the first step
/// only; recomputed layers have the same bits.
constexpr std::array<std::string_view, 12> kNoMathematics = {"model.init_from",
                                                             "model.text_encoder.vocab_file",
                                                             "training.codebook_min_share",
                                                             "training.codebook_window",
                                                             "training.hang_timeout_s",
                                                             "training.loss_scale.max_consecutive_skips",
                                                             "training.max_seconds",
                                                             "training.recompute",
                                                             "training.replica_check_steps",
                                                             "training.save_every_n_epochs",
                                                             "training.save_every_n_steps",
                                                             "training.stall_timeout_s"};
constexpr char const* kBatchSize = "data.batch_size";

bool reaches_mathematics(std::string_view key) {
    auto const starts = [key](std::string_view prefix) { return key.starts_with(prefix); };
    return std::ranges::any_of(kMathematics, starts) && std::ranges::find(kNoMathematics, key) == kNoMathematics.end();
}

std::string text_of(ConfigNode const& node) {
    if (node.kind != ConfigNode::Kind::kSequence) {
        return node.kind == ConfigNode::Kind::kNull ? "null" : node.text;
    }
    std::string text;
    for (ConfigNode const& item : node.items) {
        text += (text.empty() ? "" : ", ") + text_of(item);
    }
    return "[" + text + "]";
}

void flatten(ConfigNode const& node, std::string const& prefix, Settings& settings) {
    if (node.kind != ConfigNode::Kind::kMap) {
        settings[prefix] = text_of(node);
        return;
    }
    for (auto const& [name, entry] : node.entries) {
        flatten(entry, prefix.empty() ? name : prefix + "." + name, settings);
    }
}

Settings read_settings(std::string const& yaml) {
    std::vector<ConfigProblem> problems;  // a configuration that a run has resolved has none
    Settings settings;
    flatten(read_yaml(yaml, "configuration", problems), "", settings);
    return settings;
}

std::string value_of(Settings const& settings, std::string const& key) {
    auto const found = settings.find(key);
    return found == settings.end() ? "not set" : found->second;
}

std::int64_t count_of(Settings const& settings, std::string const& key) {
    std::string const text = value_of(settings, key);
    std::int64_t count = 1;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

/// A micro-batch is contrasted by itself, over all ranks or on each rank alone: its size reaches the loss, not only the
/// number of samples in a step.
std::string micro_batch_size(Settings const& settings, CheckpointInfo const& info) {
    return std::to_string(count_of(settings, kBatchSize) * info.world_size);
}

bool has_local_negatives(Settings const& settings) {
    return value_of(settings, "model.clip.negatives") == "local";
}

std::string difference(std::string_view what, std::string const& then, std::string const& now) {
    return fmt::format("{}: {} then, {} now", what, then, now);
}

}  // namespace

std::vector<std::string> find_resume_differences(CheckpointInfo const& then, CheckpointInfo const& now,
                                                 bool compares_threads) {
    std::vector<std::string> differences;
    auto const compare = [&](std::string_view what, std::string const& before, std::string const& after) {
        if (before != after) {
            differences.push_back(difference(what, before, after));
        }
    };
    compare("software", then.software, now.software);
    if (compares_threads) {
        compare("threads a rank", std::to_string(then.num_threads), std::to_string(now.num_threads));
    }
    Settings const before = read_settings(then.config);
    Settings const after = read_settings(now.config);
    compare("samples a micro-batch (data.batch_size x ranks)", micro_batch_size(before, then),
            micro_batch_size(after, now));
    if (has_local_negatives(before) && has_local_negatives(after)) {
        compare(kBatchSize, value_of(before, kBatchSize), value_of(after, kBatchSize));
    }
    Settings all = before;
    all.insert(after.begin(), after.end());
    for (auto const& [key, value] : all) {
        if (reaches_mathematics(key)) {
            compare(key, value_of(before, key), value_of(after, key));
        }
    }
    return differences;
}

void require_same_run(CheckpointInfo const& then, CheckpointInfo const& now, std::string const& path,
                      TrainWorld const& world, bool not_exact) {
    std::vector<std::string> const differences =
        find_resume_differences(then, now, /*compares_threads=*/world.device.is_cpu());
    require(differences.empty() || not_exact, ExitCode::kBadConfig,
            "{} was saved by a run that differs from this one:\n  {}\nGoing on would not give what the unbroken run "
            "gives. Set these back, start anew in another run.dir, or accept the difference with --not-exact",
            path, fmt::join(differences, "\n  "));
    if (!world.is_root()) {
        return;
    }
    for (std::string const& difference : differences) {
        log_warning("not an exact resume: {}", difference);
    }
    if (then.world_size != now.world_size) {
        log_info("resuming on {} ranks instead of {}: the same samples in the same order, sums round differently",
                 now.world_size, then.world_size);
    }
}

}  // namespace ctclip
