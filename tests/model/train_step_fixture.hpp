/// Forward and backward of a CT-CLIP training step on made-up input, for tests that need no golden data.
#pragma once

#include "dist/self_communicator.hpp"
#include "loss/contrastive_loss.hpp"
#include "model/clip_model.hpp"

namespace ctclip {

/// A model small enough for a test, with every part at least once.
inline ModelOptions tiny_model_options() {
    ModelOptions options;
    options.image = {.dim = 32,
                     .codebook_size = 64,
                     .image_height = 16,
                     .image_width = 16,
                     .patch_height = 4,
                     .patch_width = 4,
                     .temporal_patch_size = 2,
                     .spatial_depth = 1,
                     .temporal_depth = 1,
                     .dim_head = 8,
                     .heads = 4};
    options.text = {.vocab_size = 50,
                    .hidden_size = 32,
                    .num_layers = 2,
                    .num_heads = 4,
                    .intermediate_size = 64,
                    .max_positions = 16,
                    .dropout = 0.1};
    options.dim_latent = 16;
    return options;
}

struct StepInput {
    at::Tensor volume;
    TextBatch text;
};

/// The scalar loss of one batch, with dropout, its gradient in `parameters`, and the codebook updated.
inline at::Tensor run_step(ParameterSet const& parameters, ClipModel const& model, StepInput const& input,
                           double loss_scale = 1.0) {
    static SelfCommunicator self;
    ImageLatents const image = model.encode_image(input.volume, Mode::kTrain);
    at::Tensor const text = model.encode_text(input.text, TextDropout{1, 0});
    at::Tensor const loss = contrastive_loss(text, image.latents, {model.temperature(), model.logit_bias()},
                                             {}, RowPartition::even(1, input.volume.size(0)), self);
    (loss * loss_scale).backward();
    model.update_codebook(image.statistics);
    at::NoGradGuard const no_grad;
    for (Parameter const* entry : parameters.trained()) {
        if (loss_scale != 1.0) {
            entry->tensor.mutable_grad().mul_(1.0 / loss_scale);
        }
    }
    return loss;
}

}  // namespace ctclip
