#include <gmock/gmock.h>

#include "model/dropout.hpp"
#include "model/function_check.hpp"

namespace ctclip {
namespace {

TEST(Dropout, DropsTheAskedShareAndScalesTheRest) {
    for (double const probability : {0.1, 0.25, 0.5}) {
        at::Tensor const kept = dropout(at::ones({50, 20, 40}), {3, 0, probability});
        EXPECT_NEAR(kept.eq(0).to(at::kDouble).mean().item<double>(), probability, 0.01);
        EXPECT_FLOAT_EQ(kept.max().item<float>(), static_cast<float>(1.0 / (1.0 - probability)));
        EXPECT_NEAR(kept.mean().item<double>(), 1.0, 0.02);
    }
}

TEST(Dropout, IsTheIdentityAtProbabilityZero) {
    at::Tensor const x = random_tensor({2, 3, 4});
    EXPECT_TRUE(dropout(x, {3, 0, 0.0}).is_same(x));
}

TEST(Dropout, SeesTheSameMaskInTheBackwardPass) {
    at::Tensor const x = at::ones({2, 3, 50}, at::kDouble).requires_grad_();
    at::Tensor const kept = dropout(x, {3, 0, 0.4});
    kept.sum().backward();
    EXPECT_TRUE(at::equal(x.grad(), kept.detach()));
}

TEST(Dropout, DoesNotDependOnHowSamplesAreDividedOrTrimmed) {
    at::Tensor const whole = dropout(at::ones({6, 9, 4}), {5, 0, 0.5});
    at::Tensor const tail = dropout(at::ones({2, 9, 4}), {5, 4, 0.5});
    at::Tensor const trimmed = dropout(at::ones({6, 3, 4}), {5, 0, 0.5});
    EXPECT_TRUE(at::equal(tail, whole.narrow(0, 4, 2)));
    EXPECT_TRUE(at::equal(trimmed, whole.narrow(1, 0, 3)));
}

TEST(Dropout, SeedsAndSamplesDrawIndependently) {
    auto const same_share = [](at::Tensor const& a, at::Tensor const& b) {
        return a.eq(b).to(at::kDouble).mean().item<double>();
    };
    at::Tensor const x = dropout(at::ones({2, 100, 50}), {1, 0, 0.5});
    at::Tensor const y = dropout(at::ones({2, 100, 50}), {2, 0, 0.5});
    EXPECT_NEAR(same_share(x, y), 0.5, 0.03);
    EXPECT_NEAR(same_share(x.select(0, 0), x.select(0, 1)), 0.5, 0.03);
}

TEST(Dropout, EveryElementTypeDropsTheSameElements) {
    at::Tensor const expected = dropout_mask({2, 1, 5, 7, 0, 7}, {9, 0, 0.25}, at::empty({0}, at::kDouble));
    for (at::ScalarType const type : {at::kFloat, at::kHalf, at::kBFloat16}) {
        at::Tensor const mask =
            dropout_mask({2, 1, 5, 7, 0, 7}, {9, 0, 0.25}, at::empty({0}, at::TensorOptions().dtype(type)));
        EXPECT_TRUE(at::equal(mask, expected.to(type)));
    }
}

}  // namespace
}  // namespace ctclip
