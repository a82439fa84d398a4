// Layers with a backward pass of their own against plain compositions of LibTorch operators, in double.
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include "model/attention.hpp"
#include "model/depthwise_conv.hpp"
#include "model/dropout.hpp"
#include "model/feed_forward.hpp"
#include "model/function_check.hpp"
#include "model/latent_projection.hpp"
#include "model/linear.hpp"
#include "model/patch_embedding.hpp"
#include "model/position_bias.hpp"
#include "model/token_projection.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {
namespace {

using Tensors = std::vector<at::Tensor>;

PrecisionPolicy const kFp64(ComputeType::kDouble);
PrecisionPolicy const kFp32(ComputeType::kFloat);
constexpr double kTolerance = 1e-12;
constexpr double kEps = 1e-5;

class Layers : public testing::Test {
  protected:
    Layers() { at::manual_seed(7); }
};

TEST_F(Layers, LinearIsAnAffineMap) {
    Tensors const inputs = {random_tensor({3, 5, 7}), random_tensor({4, 7}), random_tensor({4})};
    expect_same_function([](Tensors const& in) { return linear(in[0], in[1], in[2], kFp64, at::kDouble); },
                         [](Tensors const& in) { return at::linear(in[0], in[1], in[2]); }, inputs,
                         kTolerance);
}

at::Tensor plain_feed_forward(Tensors const& in) {
    at::Tensor const hidden = at::linear(at::layer_norm(in[0], {in[0].size(-1)}, in[1], in[2], kEps), in[3]);
    Tensors const halves = hidden.chunk(2, -1);
    return in[0] + at::linear(halves[0] * at::gelu(halves[1]), in[4]);
}

TEST_F(Layers, FeedForwardIsNormExpandGateContractAndResidual) {
    Tensors const inputs = {random_tensor({2, 9, 6}), random_tensor({6}), random_tensor({6}),
                            random_tensor({26, 6}), random_tensor({6, 13})};
    expect_same_function(
        [](Tensors const& in) {
            return feed_forward(in[0], {in[1], in[2], in[3], in[4]}, kFp64);
        },
        plain_feed_forward, inputs, kTolerance);
}

TEST_F(Layers, FeedForwardInSeveralBlocksIsTheSame) {
    constexpr std::int64_t kRows = 3000;  // more than one block of 12 MiB at this width
    Tensors const inputs = {random_tensor({kRows, 8}), random_tensor({8}), random_tensor({8}),
                            random_tensor({2400, 8}), random_tensor({8, 1200})};
    expect_same_function(
        [](Tensors const& in) {
            return feed_forward(in[0], {in[1], in[2], in[3], in[4]}, kFp64);
        },
        plain_feed_forward, inputs, 1e-11);
}

TEST_F(Layers, PaddingTheFeedForwardWidthInHalfPrecisionDoesNotShow) {
    PrecisionPolicy const half(ComputeType::kHalf);
    Tensors inputs = {random_tensor({5, 6}), random_tensor({6}), random_tensor({6}), random_tensor({26, 6}),
                      random_tensor({6, 13})};
    for (at::Tensor& input : inputs) {
        input = input.to(at::kFloat);
    }
    expect_same_function(
        [&](Tensors const& in) {
            return feed_forward(in[0], {in[1], in[2], in[3], in[4]}, half);
        },
        plain_feed_forward, inputs, 3e-3);
}

at::Tensor plain_attention(at::Tensor const& query, at::Tensor const& key, at::Tensor const& value,
                           std::int64_t num_heads, double scale, at::Tensor const& bias) {
    auto const heads = [&](at::Tensor const& x) {
        return x.view({x.size(0), x.size(1), num_heads, -1}).transpose(1, 2);
    };
    at::Tensor logits = at::matmul(heads(query), heads(key).transpose(2, 3)) * scale;
    logits = bias.defined() ? logits + bias : logits;
    return at::matmul(at::softmax(logits, -1), heads(value)).transpose(1, 2).reshape(query.sizes());
}

at::Tensor plain_cosine_attention(Tensors const& in) {
    std::int64_t const channels = in[0].size(2);
    std::int64_t const num_heads = channels / in[2].size(0);
    auto const unit = [&](at::Tensor const& x, at::Tensor const& scale) {
        at::Tensor const heads = x.reshape({x.size(0), x.size(1), num_heads, -1});
        return (heads / heads.norm(2, {-1}, true) * scale).view({x.size(0), x.size(1), channels});
    };
    return plain_attention(unit(in[0], in[2]), unit(in[1].narrow(2, 0, channels), in[3]),
                           in[1].narrow(2, channels, channels), num_heads, 8.0, in[4]);
}

at::Tensor cosine_attention(Tensors const& in) {
    return attend(CosineAttention{in[0], in[1], in[2], in[3], in[4]}, kFp64);
}

TEST_F(Layers, CosineAttentionNormalisesQueriesAndKeysAndAddsTheBias) {
    Tensors const inputs = {random_tensor({3, 5, 8}), random_tensor({3, 5, 16}), random_tensor({4}),
                            random_tensor({4}), random_tensor({2, 5, 5})};
    expect_same_function(cosine_attention, plain_cosine_attention, inputs, kTolerance);
}

TEST_F(Layers, CosineAttentionWorksWithoutABias) {
    Tensors const inputs = {random_tensor({3, 5, 8}), random_tensor({3, 5, 16}), random_tensor({4}),
                            random_tensor({4}), at::Tensor()};
    expect_same_function(cosine_attention, plain_cosine_attention, inputs, kTolerance);
}

TEST_F(Layers, CosineAttentionInSeveralBlocksIsTheSame) {
    constexpr std::int64_t kSequences =
        30;  // more than one block: 24 sequences of 256 tokens and 2 heads fill it
    Tensors const inputs = {random_tensor({kSequences, 256, 4}), random_tensor({kSequences, 256, 8}),
                            random_tensor({2}), random_tensor({2}), random_tensor({2, 256, 256})};
    expect_same_function(cosine_attention, plain_cosine_attention, inputs, 1e-11);
}

TEST_F(Layers, MaskedAttentionIgnoresPadding) {
    at::Tensor const is_padding = at::arange(6).unsqueeze(0).ge(at::tensor({6, 2, 4}).unsqueeze(1));
    Tensors const inputs = {random_tensor({3, 6, 8}), random_tensor({3, 6, 8}), random_tensor({3, 6, 8})};
    expect_same_function(
        [&](Tensors const& in) {
            return attend(MaskedAttention{in[0], in[1], in[2], is_padding, 2, {}, 10}, kFp64);
        },
        [&](Tensors const& in) {
            at::Tensor const bias =
                at::zeros({3, 1, 1, 6}, at::kDouble)
                    .masked_fill(is_padding.view({3, 1, 1, 6}), -std::numeric_limits<double>::infinity());
            return plain_attention(in[0], in[1], in[2], 2, 0.5, bias);
        },
        inputs, kTolerance);
}

TEST_F(Layers, MaskedAttentionDropsTheSameProbabilitiesInTheBackwardPass) {
    DropoutKey const key{11, 4, 0.3};
    Tensors const inputs = {random_tensor({3, 6, 8}), random_tensor({3, 6, 8}), random_tensor({3, 6, 8})};
    at::Tensor const mask = dropout_mask({3, 2, 6, 6, 100, 10}, key, inputs[0]).view({3, 2, 6, 6});
    ASSERT_GT(mask.eq(0).sum().item<std::int64_t>(), 0);
    expect_same_function(
        [&](Tensors const& in) {
            return attend(MaskedAttention{in[0], in[1], in[2], {}, 2, key, 10}, kFp64);
        },
        [&](Tensors const& in) {
            auto const heads = [](at::Tensor const& x) { return x.view({3, 6, 2, 4}).transpose(1, 2); };
            at::Tensor const probabilities =
                at::softmax(at::matmul(heads(in[0]), heads(in[1]).transpose(2, 3)) * 0.5, -1);
            return at::matmul(probabilities * mask, heads(in[2])).transpose(1, 2).reshape({3, 6, 8});
        },
        inputs, kTolerance);
}

TEST_F(Layers, ASequenceOfPaddingOnlyStaysFinite) {
    at::Tensor const x = random_tensor({1, 3, 4}, at::kFloat);
    at::Tensor const is_padding = at::ones({1, 3}, at::kBool);
    EXPECT_TRUE(attend(MaskedAttention{x, x, x, is_padding, 2, {}, 3}, kFp32).isfinite().all().item<bool>());
}

at::Tensor plain_peg(Tensors const& in) {
    at::Tensor const channels_first = in[0].permute({0, 4, 1, 2, 3});
    at::Tensor const padded = at::constant_pad_nd(channels_first, {1, 1, 1, 1, 2, 0});
    std::int64_t const dim = in[0].size(4);
    at::Tensor const convolved =
        at::conv3d(padded, in[1], in[2], {1, 1, 1}, at::IntArrayRef{0, 0, 0}, {1, 1, 1}, dim);
    return in[0] + convolved.permute({0, 2, 3, 4, 1});
}

at::Tensor joined(ProjectedTokens const& projected) {
    return at::cat({projected.tokens, projected.query, projected.key_value}, -1);
}

at::Tensor projected(Tensors const& in) {
    return joined(project_tokens(in[0], {in[1], in[2], in[3], in[4], in[5]}, kFp64));
}

at::Tensor plain_projected(Tensors const& in) {
    at::Tensor const tokens = plain_peg(in);
    at::Tensor const normalised = at::layer_norm(tokens, {tokens.size(-1)}, in[3], {}, kEps);
    return joined({tokens, at::linear(normalised, in[4]), at::linear(tokens, in[5])});
}

Tensors projection_inputs(at::IntArrayRef grid, std::int64_t dim, at::ScalarType type = at::kDouble) {
    return {random_tensor({grid[0], grid[1], grid[2], grid[3], dim}, type),
            random_tensor({dim, 1, 3, 3, 3}, type),
            random_tensor({dim}, type),
            random_tensor({dim}, type),
            random_tensor({4, dim}, type),
            random_tensor({8, dim}, type)};
}

TEST_F(Layers, TokenProjectionIsACausalDepthwiseConvolutionThenQueriesKeysAndValues) {
    for (std::int64_t const dim : {2, 13, 75, 160}) {  // channel tiles of 1, 8 and 64, blocks of 64
        expect_same_function(projected, plain_projected, projection_inputs({2, 4, 3, 5}, dim), 1e-11);
    }
}

TEST_F(Layers, TokenProjectionWorksOnGridsSmallerThanItsKernel) {
    for (std::vector<std::int64_t> const& grid :
         {std::vector<std::int64_t>{1, 1, 1, 1}, {1, 1, 4, 1}, {1, 3, 1, 2}}) {
        expect_same_function(projected, plain_projected, projection_inputs(grid, 5), 1e-11);
    }
}

TEST_F(Layers, ConvolutionOnSeveralThreadsIsTheSameToTheBit) {
    Tensors const inputs = projection_inputs({2, 8, 6, 7}, 160, at::kFloat);
    at::Tensor const gradient = random_tensor(inputs[0].sizes(), at::kFloat);
    auto const run = [&](int num_threads) {
        at::set_num_threads(num_threads);
        ConvolutionGradients const gradients =
            add_convolution_backward(gradient, inputs[0], inputs[1], kFp32);
        return Tensors{add_convolution(inputs[0], inputs[1], inputs[2], kFp32), gradients.x,
                       gradients.weight};
    };
    int const before = at::get_num_threads();
    Tensors const one = run(1);
    Tensors const three = run(3);
    at::set_num_threads(before);
    for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_TRUE(at::equal(one[i], three[i])) << i;
    }
}

TEST_F(Layers, PositionBiasEqualsTheNetworkOnAllPairs) {
    constexpr std::int64_t kHeight = 3;
    constexpr std::int64_t kWidth = 5;
    constexpr std::int64_t kTokens = kHeight * kWidth;
    Tensors const inputs = {random_tensor({6, 2}), random_tensor({6}),    random_tensor({6, 6}),
                            random_tensor({6}),    random_tensor({2, 6}), random_tensor({2})};
    expect_same_function(
        [](Tensors const& in) {
            return position_bias({in[0], in[1], in[2], in[3], in[4], in[5]}, kHeight, kWidth, kFp64);
        },
        [](Tensors const& in) {
            at::Tensor const token = at::arange(kTokens, at::kDouble);
            at::Tensor const y = at::floor_divide(token, kWidth);
            at::Tensor const places = at::stack({y, token - y * kWidth}, -1);
            at::Tensor const offset = places.unsqueeze(1) - places.unsqueeze(0);  // query minus key
            at::Tensor x = at::sign(offset) * at::log(at::abs(offset) + 1);
            x = at::leaky_relu(at::linear(x, in[0], in[1]), 0.1);
            x = at::leaky_relu(at::linear(x, in[2], in[3]), 0.1);
            return at::linear(x, in[4], in[5]).permute({2, 0, 1});
        },
        inputs, kTolerance);
}

TEST_F(Layers, PatchEmbeddingOrdersVoxelsByDepthRowColumn) {
    PatchSize const patch{3, 2, 4};
    Tensors const inputs = {random_tensor({24}), random_tensor({24}), random_tensor({5, 24}),
                            random_tensor({5}),  random_tensor({5}),  random_tensor({5})};
    at::Tensor const volume = random_tensor({2, 1, 6, 4, 12}, at::kFloat);
    expect_same_function(
        [&](Tensors const& in) {
            return patch_embedding(volume, patch, {in[0], in[1], in[2], in[3], in[4], in[5]}, kFp64);
        },
        [&](Tensors const& in) {
            at::Tensor const patches = volume.to(at::kDouble)
                                           .view({2, 2, 3, 2, 2, 3, 4})
                                           .permute({0, 1, 3, 5, 2, 4, 6})
                                           .reshape({2, 2, 2, 3, 24});
            at::Tensor const normalised = at::layer_norm(patches, {24}, in[0], in[1], kEps);
            return at::layer_norm(at::linear(normalised, in[2], in[3]), {5}, in[4], in[5], kEps);
        },
        inputs, kTolerance);
}

TEST_F(Layers, LatentProjectionAddsIntoTheGradientThatIsThere) {
    at::Tensor const x = random_tensor({3, 10}).requires_grad_();
    at::Tensor const weight = random_tensor({4, 10}).requires_grad_();
    at::Tensor const cotangent = random_tensor({3, 4});
    at::Tensor const expected = at::mm(cotangent.t(), x.detach());

    (latent_projection(x, weight, kFp64) * cotangent).sum().backward();
    at::Tensor const gradient = weight.grad();
    EXPECT_LE(relative_l2(gradient, expected), kTolerance);
    EXPECT_LE(relative_l2(x.grad(), at::mm(cotangent, weight.detach())), kTolerance);

    (latent_projection(x, weight, kFp64) * cotangent).sum().backward();
    EXPECT_TRUE(weight.grad().is_same(gradient));
    EXPECT_LE(relative_l2(gradient, expected * 2), kTolerance);
}

TEST_F(Layers, L2NormaliseOfAZeroVectorIsZero) {
    at::Tensor const x = at::zeros({1, 3}, at::kFloat).requires_grad_();
    at::Tensor const unit = l2_normalise(x);
    unit.sum().backward();
    EXPECT_TRUE(unit.eq(0).all().item<bool>());
    EXPECT_TRUE(x.grad().isfinite().all().item<bool>());
}

}  // namespace
}  // namespace ctclip
