/// What a training or evaluation step gets from the loader. No LibTorch here: at::from_blob wraps it without
/// a copy.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/preprocess.hpp"
#include "loader/batch_sequence.hpp"
#include "loader/host_memory.hpp"
#include "shard/sample.hpp"

namespace ctclip {

struct BatchShape {
    std::int64_t num_rows = 1;  ///< B: rows of one rank, padding included
    TargetGrid grid;
    std::int64_t num_tokens = 0;  ///< T: 0 without a tokenizer

    std::int64_t num_voxels() const { return num_rows * grid.num_voxels(); }
};

/// What a batch holds of each volume.
enum class VolumeForm : std::uint8_t {
    kModelInput,  ///< what the model reads: HostBatch::volumes
    kStored,      ///< what the shards hold, for a device that preprocesses it itself: HostBatch::stored
};

/// A volume on its way to the device that makes it the model's input.
struct StoredVolume {
    HostBuffer memory;                      ///< of `voxels`; grows to the largest volume that comes by
    std::span<std::uint16_t const> voxels;  ///< fp16 bit patterns, C order (x, y, z); empty: a padding row
    std::optional<PreprocessRecipe>
        recipe;  ///< none: preprocessed before it was stored, with the grid's shape
};

/// Rows are contiguous, C order, little-endian. Valid until the lease that gave it ends.
struct HostBatch {
    BatchShape shape;
    std::span<float> volumes;                  ///< (B, 1, z, x, y), [-1, 1]; empty in the form kStored
    std::vector<StoredVolume> stored;          ///< (B); empty in the form kModelInput
    std::vector<std::int64_t> token_ids;       ///< (B, T): [CLS] pieces [SEP] [PAD]...
    std::vector<std::int64_t> attention_mask;  ///< (B, T): 1 for real tokens, 0 for [PAD]
    std::vector<std::int64_t> token_counts;    ///< (B): real tokens of each row
    std::vector<float> labels;                 ///< (B, kNumLabels): 0 or 1; NaN where a sample has no labels
    std::vector<std::string> study_ids;        ///< (B)
    std::vector<std::string> keys;             ///< (B), as in the shards
    std::vector<BatchRow> rows;                ///< (B): what each row is; padding last

    std::int64_t num_valid = 0;  ///< rows before the padding
    SamplerState state_after;    ///< for the checkpoint once this global batch has been used
    double wait_s = 0.0;         ///< how long next() kept its caller waiting for this batch

    VolumeForm form() const { return stored.empty() ? VolumeForm::kModelInput : VolumeForm::kStored; }
};

}  // namespace ctclip
