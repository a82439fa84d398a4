/// The folder of one training run: config.yaml, run.json, metrics.jsonl,
/// checkpoints/, tensorboard/. Written by rank 0 alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/output_lock.hpp"
#include "checkpoint/checkpoint_saver.hpp"
#include "train/metrics_log.hpp"
#include "train/tensorboard_writer.hpp"
#include "train/train_options.hpp"

namespace ctclip {

/// `checkpoint.save_dir`, or the folder inside the run's.
std::filesystem::path checkpoint_folder(TrainOptions const& options);

/// @throws Error kCannotCreate for a folder with content and `--from-scratch`.
void require_new_or_resumable(TrainOptions const& options);

class RunFolder {
  public:
    /// Creates the folder where needed and takes its lock, so that a second job on it is refused.
    /// @throws Error kCannotCreate when it cannot be created, is in use, or, with `--from-scratch`, is not
    /// empty.
    explicit RunFolder(TrainOptions const& options);

    /// Before the first step: the configuration, what runs where, and logs cut back to `last` (TensorBoard's by an
    /// event that takes later steps out of view).
    void start(std::string const& config_yaml, nlohmann::ordered_json const& run_record, LastSteps const& last);

    /// A line of metrics.jsonl and the same numbers as TensorBoard scalars under `tag_prefix` ("train/").
    void log(std::int64_t step, nlohmann::ordered_json const& record, std::string const& tag_prefix);

    CheckpointSaver& checkpoints() { return saver_; }

  private:
    std::filesystem::path dir_;
    OutputLock lock_;
    CheckpointStore store_;
    CheckpointSaver saver_;
    std::unique_ptr<MetricsLog> metrics_;
    std::unique_ptr<TensorboardWriter> tensorboard_;
    bool use_tensorboard_;
};

}  // namespace ctclip
