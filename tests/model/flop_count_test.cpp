#include "model/flop_count.hpp"

#include <gtest/gtest.h>

namespace ctclip {
namespace {

constexpr double kGiga = 1e9;

// By hand, from the sizes of the published model: 24 x 24 x 24 = 13,824 tokens of width 512.
TEST(FlopCount, OfThePublishedModel) {
    ModelOptions const options;
    ImageFlops const image = image_flops(options, /*num_slices=*/240);
    constexpr double kTokens = 13824.0;
    EXPECT_DOUBLE_EQ(image.patch_embedding, 2 * kTokens * 4000 * 512);
    EXPECT_DOUBLE_EQ(image.feed_forward, 8 * 2 * kTokens * 512 * (2730 + 1365));
    EXPECT_DOUBLE_EQ(image.attention_linear, 8 * 2 * kTokens * 512 * (768 + 256));
    EXPECT_DOUBLE_EQ(image.spatial_attention, 4 * 24 * 2 * 2.0 * 576 * 576 * 256);
    EXPECT_DOUBLE_EQ(image.temporal_attention, 4 * 576 * 2 * 2.0 * 24 * 24 * 256);
    EXPECT_DOUBLE_EQ(image.position_convolution, 8 * 2 * kTokens * 512 * 27);
    EXPECT_DOUBLE_EQ(image.projection, 2.0 * 294912 * 512);
    TextFlops const text = text_flops(options, /*num_tokens=*/512);
    EXPECT_DOUBLE_EQ(text.linear, 12 * 2.0 * 512 * (4 * 768 * 768 + 2 * 768 * 3072));
    EXPECT_DOUBLE_EQ(text.attention, 12 * 2 * 2.0 * 512 * 512 * 768);
    // 770.3 GFLOP forward and 2.31 TFLOP trained, the figures of an independent roofline calculation.
    EXPECT_NEAR((image.total() + text.total()) / kGiga, 770.3, 0.05);
    EXPECT_NEAR(kTrainingFlopsPerForward * (image.total() + text.total()) / kGiga, 2311.0, 0.5);
}

TEST(FlopCount, PaddingIsNotWork) {
    ModelOptions const options;
    EXPECT_LT(text_flops(options, 128).linear * 3.99, text_flops(options, 512).linear);
    EXPECT_DOUBLE_EQ(text_flops(options, 128).attention * 16, text_flops(options, 512).attention);
}

TEST(FlopCount, GrowsWithTheDepthOfTheVolume) {
    ModelOptions const options;
    ImageFlops const half = image_flops(options, 120);
    ImageFlops const whole = image_flops(options, 240);
    EXPECT_DOUBLE_EQ(whole.feed_forward, 2 * half.feed_forward);
    EXPECT_DOUBLE_EQ(whole.spatial_attention, 2 * half.spatial_attention);
    EXPECT_DOUBLE_EQ(whole.temporal_attention, 4 * half.temporal_attention);
    EXPECT_DOUBLE_EQ(whole.projection, half.projection);
}

TEST(FlopCount, OfABatchCountsEveryRowWithItsOwnTokens) {
    ModelOptions const options;
    HostBatch batch;
    batch.shape.num_rows = 2;
    batch.shape.grid.shape_zxy = {240, 480, 480};
    batch.shape.num_tokens = 512;
    batch.token_counts = {512, 100};
    EXPECT_DOUBLE_EQ(training_flops(options, batch),
                     3.0 * (2.0 * image_flops(options, 240).total() + text_flops(options, 512).total() +
                            text_flops(options, 100).total()));
}

}  // namespace
}  // namespace ctclip
