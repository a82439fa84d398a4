/// Sizes of the CT-CLIP model: the constructor arguments of the Python classes.
#pragma once

#include <cstdint>

#include "model/patch_embedding.hpp"

namespace ctclip {

struct ImageEncoderOptions {
    std::int64_t dim = 512;
    std::int64_t codebook_size = 8192;
    std::int64_t image_height = 480;
    std::int64_t image_width = 480;
    std::int64_t patch_height = 20;
    std::int64_t patch_width = 20;
    std::int64_t temporal_patch_size = 10;
    std::int64_t spatial_depth = 4;
    std::int64_t temporal_depth = 4;
    std::int64_t dim_head = 32;
    std::int64_t heads = 8;

    std::int64_t grid_height() const { return image_height / patch_height; }
    std::int64_t grid_width() const { return image_width / patch_width; }
    std::int64_t inner_dim() const { return heads * dim_head; }
    /// Width of one half of the gated feed-forward layer: trunc(4 * (2/3) * dim), 1365 at real size.
    std::int64_t feed_forward_dim() const;
    PatchSize patch() const { return {temporal_patch_size, patch_height, patch_width}; }
};

struct TextEncoderOptions {
    std::int64_t vocab_size = 30522;
    std::int64_t hidden_size = 768;
    std::int64_t num_layers = 12;
    std::int64_t num_heads = 12;
    std::int64_t intermediate_size = 3072;
    std::int64_t max_positions = 512;
    double dropout = 0.25;  ///< of hidden states and attention, while training
};

enum class LossType { kSoftmax, kSiglip };

struct ModelOptions {
    ImageEncoderOptions image;
    TextEncoderOptions text;
    std::int64_t dim_latent = 512;
    LossType loss_type = LossType::kSoftmax;  ///< kSiglip adds the parameter `logit_bias`

    /// Channels of the pooled image: 294,912 at real size.
    std::int64_t dim_image() const { return image.grid_height() * image.grid_width() * image.dim; }

    /// @throws Error kBadConfig naming every size that is not positive or does not divide what it must.
    void validate() const;
};

}  // namespace ctclip
