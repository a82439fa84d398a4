#include "model/flop_count.hpp"

namespace ctclip {
namespace {

/// (rows, in) times (in, out)
double product(std::int64_t rows, std::int64_t in, std::int64_t out) {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
}

/// Scores of all pairs in each of `num_groups`, and the sums that they weigh; `width` over all heads.
double attention(std::int64_t num_groups, std::int64_t group_size, std::int64_t width) {
    return 2.0 * static_cast<double>(num_groups) * product(group_size, width, group_size);
}

}  // namespace

double ImageFlops::total() const {
    return patch_embedding + position_convolution + attention_linear + spatial_attention + temporal_attention +
           feed_forward + projection;
}

ImageFlops image_flops(ModelOptions const& options, std::int64_t num_slices) {
    constexpr std::int64_t kPositionTaps = 27;
    ImageEncoderOptions const& image = options.image;
    std::int64_t const frames = num_slices / image.temporal_patch_size;
    std::int64_t const frame_tokens = image.grid_height() * image.grid_width();
    std::int64_t const tokens = frames * frame_tokens;
    auto const depth = static_cast<double>(image.spatial_depth + image.temporal_depth);
    double const queries_keys_values = product(tokens, image.dim, 3 * image.inner_dim());
    double const way_out = product(tokens, image.inner_dim(), image.dim);
    // The first product makes both halves, value and gate.
    double const widen = product(tokens, image.dim, 2 * image.feed_forward_dim());
    double const narrow = product(tokens, image.feed_forward_dim(), image.dim);
    return {.patch_embedding = product(tokens, image.patch().num_voxels(), image.dim),
            .position_convolution = depth * product(tokens, kPositionTaps, image.dim),
            .attention_linear = depth * (queries_keys_values + way_out),
            .spatial_attention = static_cast<double>(image.spatial_depth) *
                                 attention(frames, frame_tokens, image.inner_dim()),
            .temporal_attention = static_cast<double>(image.temporal_depth) *
                                  attention(frame_tokens, frames, image.inner_dim()),
            .feed_forward = depth * (widen + narrow),
            .projection = product(1, options.dim_image(), options.dim_latent)};
}

TextFlops text_flops(ModelOptions const& options, std::int64_t num_tokens) {
    TextEncoderOptions const& text = options.text;
    auto const depth = static_cast<double>(text.num_layers);
    double const attention_linear = 4.0 * product(num_tokens, text.hidden_size, text.hidden_size);
    double const feed_forward = 2.0 * product(num_tokens, text.hidden_size, text.intermediate_size);
    return {.linear = depth * (attention_linear + feed_forward),
            .attention = depth * attention(1, num_tokens, text.hidden_size),
            .projection = product(1, text.hidden_size, options.dim_latent)};
}

double training_flops(ModelOptions const& options, HostBatch const& batch) {
    std::int64_t const num_slices = batch.shape.grid.shape_zxy[0];
    double forward = static_cast<double>(batch.shape.num_rows) * image_flops(options, num_slices).total();
    for (std::int64_t const num_tokens : batch.token_counts) {
        forward += text_flops(options, num_tokens).total();
    }
    return kTrainingFlopsPerForward * forward;
}

}  // namespace ctclip
