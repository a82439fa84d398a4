#include <gmock/gmock.h>

#include "model/function_check.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {
namespace {

class Quantiser : public testing::Test {
  protected:
    Quantiser() { at::manual_seed(5); }

    at::Tensor const embed_ = random_tensor({7, 4});
    at::Tensor const x_ = random_tensor({40, 4});
    at::Tensor const indices_ = nearest_codes(x_, embed_);
};

TEST_F(Quantiser, FindsTheCodeOfTheLargestCosine) {
    at::Tensor const cosine = at::mm(l2_normalise(x_), l2_normalise(embed_).t());
    EXPECT_TRUE(at::equal(cosine.gather(1, indices_.unsqueeze(1)).squeeze(1), std::get<0>(cosine.max(1))));
}

TEST_F(Quantiser, TakesTheLowestIndexOnATie) {
    at::Tensor const axes = at::eye(4, at::kDouble);  // cosines are exact
    EXPECT_TRUE(at::equal(nearest_codes(axes * 3, at::cat({axes, axes * 2, axes})), at::arange(4)));
}

TEST_F(Quantiser, SearchesLargeBatchesInBlocks) {
    at::Tensor const codes = random_tensor({900, 4});
    at::Tensor const many = random_tensor({4000, 4});  // 29 MB of similarities, blocks of 12 MiB
    at::Tensor const whole = at::argmax(at::mm(l2_normalise(many), l2_normalise(codes).t()), 1);
    EXPECT_TRUE(at::equal(nearest_codes(many, codes), whole));
}

TEST_F(Quantiser, ReturnsRowsAsStoredAndPassesTheGradientThrough) {
    at::Tensor const x = x_.clone().requires_grad_();
    at::Tensor const cotangent = random_tensor({40, 4});
    at::Tensor const quantised = quantise(x, indices_, embed_);
    (quantised * cotangent).sum().backward();
    EXPECT_TRUE(at::equal(quantised, embed_.index_select(0, indices_)));
    EXPECT_TRUE(at::equal(x.grad(), cotangent));
}

TEST_F(Quantiser, MovesUsedCodesToTheirTokensAndUnusedOnesToTheirOwnDirection) {
    at::Tensor const x = x_.narrow(0, 0, 3);
    at::Tensor const indices = at::tensor({2, 2, 5});
    at::Tensor embed = embed_.clone();
    at::Tensor cluster_size = at::full({7}, 10.0, at::kDouble);
    update_codebook(embed, cluster_size, codebook_statistics(x, indices, 7), {});

    at::Tensor const unit = l2_normalise(x);
    at::Tensor target = l2_normalise(embed_);
    target[2] = l2_normalise((unit[0] + unit[1]).unsqueeze(0)).squeeze(0);
    target[5] = unit[2];
    EXPECT_LE(max_abs_difference(embed, embed_ * 0.8 + target * 0.2), 1e-15);
    EXPECT_LE(max_abs_difference(cluster_size, at::tensor({8.0, 8.0, 8.4, 8.0, 8.0, 8.2, 8.0})), 1e-6);
}

TEST_F(Quantiser, StatisticsOfPartsAddUpToThoseOfTheWhole) {
    CodebookStatistics sum;
    for (std::int64_t const begin : {0, 10, 30}) {
        std::int64_t const count = begin == 10 ? 20 : 10;
        sum.add(codebook_statistics(x_.narrow(0, begin, count), indices_.narrow(0, begin, count), 7));
    }
    CodebookStatistics const whole = codebook_statistics(x_, indices_, 7);
    EXPECT_LE(max_abs_difference(sum.sums, whole.sums), 1e-14);
    EXPECT_TRUE(at::equal(sum.counts, whole.counts));
}

TEST_F(Quantiser, ASkippedStepLeavesTheCodebookAsItIsEvenWithNan) {
    CodebookStatistics statistics = codebook_statistics(x_, indices_, 7);
    statistics.sums.fill_(std::numeric_limits<double>::quiet_NaN());
    at::Tensor embed = embed_.clone();
    at::Tensor cluster_size = at::ones({7}, at::kDouble);
    update_codebook(embed, cluster_size, statistics, at::ones({1}, at::kFloat));
    EXPECT_TRUE(at::equal(embed, embed_));
    EXPECT_TRUE(at::equal(cluster_size, at::ones({7}, at::kDouble)));

    update_codebook(embed, cluster_size, codebook_statistics(x_, indices_, 7), at::zeros({1}, at::kFloat));
    EXPECT_FALSE(at::equal(embed, embed_));
}

}  // namespace
}  // namespace ctclip
