/// What an evaluation is told. The model's sizes and the preprocessing are
/// those of the checkpoint, which carries its configuration.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "config/schema.hpp"
#include "loader/dataset.hpp"
#include "model/device_options.hpp"
#include "model/precision_policy.hpp"

namespace ctclip {

struct EvaluateOptions {
    DatasetOptions dataset;
    std::filesystem::path checkpoint;  ///< a file, or a run folder: its newest valid checkpoint
    std::filesystem::path output;
    std::string prompts = "there_is";
    std::int64_t bootstrap = 1000;            ///< replicates; 0: no intervals
    bool latents = false;                     ///< also write latents.safetensors
    std::filesystem::path vocab_file;         ///< empty: that of the checkpoint's configuration
    std::int64_t batch_size = 4;              ///< volumes per rank at a time
    std::int64_t num_workers = 2;             ///< loading threads per rank
    double threshold = 0.5;                   ///< of precision, recall, specificity and accuracy
    std::optional<std::int64_t> num_samples;  ///< null: all
    ComputeType precision = ComputeType::kFloat;
    double hang_timeout_s = 20.0;     ///< without a sign of life of a rank; 0: wait for ever
    double stall_timeout_s = 1800.0;  ///< without progress on any rank
    DeviceOptions device;

    void bind(Schema& schema);
};

}  // namespace ctclip
