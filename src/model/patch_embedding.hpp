/// From a CT volume to tokens.
#pragma once

#include <ATen/ATen.h>

#include "model/precision_policy.hpp"

namespace ctclip {

struct PatchSize {
    std::int64_t frames = 0;  ///< slices along z
    std::int64_t height = 0;
    std::int64_t width = 0;

    std::int64_t num_voxels() const { return frames * height * width; }
};

struct PatchEmbeddingWeights {
    at::Tensor patch_norm_gain, patch_norm_bias;  ///< (F), F = voxels of a patch, ordered (z, y, x)
    at::Tensor weight, bias;                      ///< (D, F), (D)
    at::Tensor token_norm_gain, token_norm_bias;  ///< (D)
};

/// LayerNorm(F) -> Linear -> LayerNorm(D) of every patch. volume (B, 1, T, H, W), any float type, sizes that
/// are multiples of the patch; result (B, t, h, w, D) in the residual type. The volume gets no gradient.
/// Patches are cut out and normalised block by block, in the backward pass again, so no copy of the volume is
/// kept.
at::Tensor patch_embedding(at::Tensor const& volume, PatchSize const& patch,
                           PatchEmbeddingWeights const& weights, PrecisionPolicy const& policy);

}  // namespace ctclip
