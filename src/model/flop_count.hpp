/// How much arithmetic the mathematics of the model needs, whatever an implementation makes of it: a multiplication and
/// an addition are 2 FLOPs. Counted are the products that grow with the width of the model, forward; not the codebook
/// search, the position bias, norms and other element-wise work. (The usual convention of model FLOP utilisation:
/// Chowdhery et al. 2022, "PaLM", appendix B.)
#pragma once

#include <cstdint>

#include "loader/host_batch.hpp"
#include "model/model_options.hpp"

namespace ctclip {

/// Of one volume.
struct ImageFlops {
    double patch_embedding = 0.0;
    double position_convolution = 0.0;  ///< the depthwise 3x3x3 of every layer
    double attention_linear = 0.0;      ///< queries, keys, values and the way out
    double spatial_attention = 0.0;     ///< scores and sums, among the patches of a frame
    double temporal_attention = 0.0;    ///< likewise, along time
    double feed_forward = 0.0;
    double projection = 0.0;  ///< to the latent space

    double total() const;
};
/// @param num_slices  depth of the model input: 240 at real size.
ImageFlops image_flops(ModelOptions const& options, std::int64_t num_slices);

/// Of one report.
struct TextFlops {
    double linear = 0.0;
    double attention = 0.0;
    double projection = 0.0;

    double total() const { return linear + attention + projection; }
};
/// @param num_tokens  real ones: padding is not work.
TextFlops text_flops(ModelOptions const& options, std::int64_t num_tokens);

/// Forward and backward: every product has two in backward.
inline constexpr double kTrainingFlopsPerForward = 3.0;

/// Of one micro-batch, forward and backward.
double training_flops(ModelOptions const& options, HostBatch const& batch);

}  // namespace ctclip
