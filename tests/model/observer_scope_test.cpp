#include <gtest/gtest.h>

#include "base/error.hpp"
#include "model/clip_model.hpp"

namespace ctclip {
namespace {

TEST(ObserverScope, EndsWithAForwardPassThatFails) {
    ModelOptions options;
    options.image = {.dim = 8,
                     .codebook_size = 4,
                     .image_height = 4,
                     .image_width = 4,
                     .patch_height = 2,
                     .patch_width = 2,
                     .temporal_patch_size = 1,
                     .spatial_depth = 1,
                     .temporal_depth = 1,
                     .dim_head = 4,
                     .heads = 2};
    options.text = {.vocab_size = 6,
                    .hidden_size = 4,
                    .num_layers = 1,
                    .num_heads = 2,
                    .intermediate_size = 8,
                    .max_positions = 4,
                    .dropout = 0.0};
    options.dim_latent = 4;
    ParameterSet parameters(options, at::kCPU, at::kFloat);
    parameters.initialise(1);
    ClipModel model(options, parameters, PrecisionPolicy(ComputeType::kFloat));
    TextBatch const text{at::ones({1, 3}, at::kLong), at::ones({1, 3}, at::kLong)};
    int num_stages_seen = 0;

    try {
        ObserverScope const observing(model, [&](std::string const&, at::Tensor const&) { ++num_stages_seen; });
        model.encode_text(text);
        model.encode_image(at::zeros({1, 1, 1, 5, 5}), Mode::kEvaluate);
        FAIL() << "5 x 5 voxels are no multiple of the patches";
    } catch (Error const&) {
        ASSERT_GT(num_stages_seen, 0);
    }
    int const num_seen_inside = num_stages_seen;
    model.encode_text(text);
    EXPECT_EQ(num_stages_seen, num_seen_inside);
}

}  // namespace
}  // namespace ctclip
