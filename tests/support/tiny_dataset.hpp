/// A few small studies in one shard, a vocabulary, and options for a model that trains on them in
/// milliseconds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/half.hpp"
#include "base/splitmix64.hpp"
#include "shard/shard_writer.hpp"
#include "train/train_options.hpp"

namespace ctclip {

inline std::string tiny_study_id(std::int64_t sample) {
    return "valid_" + std::to_string(sample) + "_a_1";
}

/// @param bad_sample  one voxel of it is NaN; -1: of none
inline void write_tiny_shard(std::filesystem::path const& folder, std::int64_t num_samples,
                             std::int64_t bad_sample = -1) {
    std::filesystem::create_directories(folder);
    ShardWriter writer(folder / shard_name(0), "");
    for (std::int64_t i = 0; i < num_samples; ++i) {
        SampleMetadata metadata;
        metadata.study_id = tiny_study_id(i);
        metadata.volume_shape = {8, 8, 4};
        metadata.xy_spacing = "[0.75, 0.75]";
        metadata.xy_spacing_mm = 0.75;
        metadata.z_spacing_mm = 1.5;
        std::vector<std::uint16_t> halves;
        for (std::uint64_t voxel = 0; voxel < 8 * 8 * 4; ++voxel) {
            halves.push_back(
                half_from(2000.0 * to_unit(splitmix64(static_cast<std::uint64_t>(i), voxel)) - 1000.0));
        }
        if (i == bad_sample) {
            halves[100] = 0x7E00;
        }
        std::vector<float> labels(kNumLabels, 0.0F);
        labels[static_cast<std::size_t>(i) % kNumLabels] = 1.0F;
        std::string const report = i % 2 == 0 ? "There is lung nodule.\nnodule" : "No lung nodule.\nclear";
        writer.add(sample_key(0, static_cast<std::size_t>(i)), metadata, halves, report, labels,
                   std::nullopt);
    }
    writer.commit();
}

inline void write_tiny_vocabulary(std::filesystem::path const& path) {
    std::ofstream(path) << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthere\nis\nno\nlung\nnodule\nclear\n.\n";
}

/// Shards in `folder`/shards, the run in `folder`/run. float32, no dropout, dataset order.
inline TrainOptions tiny_train_options(std::filesystem::path const& folder) {
    TrainOptions options;
    options.data.shards_train = (folder / "shards").string();
    options.data.batch_size = 4;
    options.data.num_workers = 1;
    options.data.target_shape = {4, 8, 8};
    ModelSettings& model = options.model;
    model.image_size = 8;
    model.patch_size = 4;
    model.max_length = 16;
    model.vocab_file = folder / "vocab.txt";
    model.model.image = {.dim = 12,
                         .codebook_size = 16,
                         .temporal_patch_size = 2,
                         .spatial_depth = 1,
                         .temporal_depth = 1,
                         .dim_head = 4,
                         .heads = 2};
    model.model.text = {.hidden_size = 12,
                        .num_layers = 1,
                        .num_heads = 2,
                        .intermediate_size = 16,
                        .max_positions = 16,
                        .dropout = 0.0};
    model.model.dim_latent = 8;
    TrainingOptions& training = options.training;
    training.precision = ComputeType::kFloat;
    training.max_steps = 6;
    training.warmup_steps = 1;
    training.optimizer.lr_schedule.base_lr = 1e-2;
    options.logging.use_console = false;
    options.run.dir = folder / "run";
    return options;
}

}  // namespace ctclip
