/// Everything a training run needs to go on as if it had never stopped, without LibTorch
/// (docs/checkpoint_format.md). Complete on one rank, so that any world size can load it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "base/array.hpp"

namespace ctclip {

using Scalar = std::variant<std::int64_t, double, std::string>;

/// Small state of one part (scaler, sampler, ...): scalars by name, and arrays where needed (such as one
/// random generator state a rank). Arrays may have any dtype but F16, BF16 and BOOL.
struct StateGroup {
    std::map<std::string, Scalar> scalars;
    NamedArrays arrays;

    /// The scalar of that name. @throws Error kBadInput if it is absent or of another type (a checkpoint of
    /// another kind of run).
    std::int64_t integer(std::string const& name) const;
    double real(std::string const& name) const;
    std::string const& text(std::string const& name) const;

    bool operator==(StateGroup const&) const = default;
};

/// What made a checkpoint: attributes of the file's root group.
struct CheckpointInfo {
    std::int64_t step = 0;  ///< optimizer steps done, skipped ones included
    std::int64_t epoch = 0;
    std::string precision;  ///< fp16, bf16 or fp32
    std::int64_t world_size = 1;
    std::int64_t num_threads = 1;  ///< per rank; another number gives other bits
    std::string config;            ///< resolved configuration, YAML text
    std::string software;          ///< versions of ctclip and its libraries
    std::string dataset_digest;    ///< SHA-256 (hex) of the training set's index

    bool operator==(CheckpointInfo const&) const = default;
};

struct TrainState {
    CheckpointInfo info;
    NamedArrays model;       ///< float32 masters (and int64 constants) by state-dict key, logical shapes
    NamedArrays exp_avg;     ///< AdamW first moments, float32, of the trained parameters only
    NamedArrays exp_avg_sq;  ///< AdamW second moments, likewise
    StateGroup scaler;       ///< loss scale, growth tracker, skip counters
    StateGroup schedule;     ///< learning-rate schedule
    StateGroup sampler;      ///< position in the sample order
    StateGroup rng;          ///< random generators, per rank where they differ
    StateGroup codebook;     ///< vector-quantiser state that is not a model buffer
    StateGroup
        metrics;  ///< reals known at save time (loss, auroc ...): `history` shows them, retention uses them
};

}  // namespace ctclip
