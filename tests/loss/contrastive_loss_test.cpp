#include "loss/contrastive_loss.hpp"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <cmath>

#include "base/error.hpp"
#include "dist/self_communicator.hpp"
#include "loss/golden_losses.hpp"
#include "loss/thread_ranks.hpp"
#include "model/vector_quantiser.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

double max_difference(at::Tensor const& actual, at::Tensor const& expected) {
    return (actual.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>();
}

/// The leaves of one evaluation.
struct Leaves {
    at::Tensor text, image, temperature, logit_bias;

    LossScalars scalars() const { return {temperature, logit_bias}; }
};

Leaves make_leaves(std::string const& name, double temperature, at::ScalarType type) {
    auto const leaf = [&](at::Tensor const& value) { return value.to(type).clone().requires_grad_(); };
    return {leaf(loss_tensor(name + ".text")), leaf(loss_tensor(name + ".image")),
            leaf(at::scalar_tensor(temperature, at::kDouble)), leaf(at::scalar_tensor(-10.0, at::kDouble))};
}

class GoldenLoss : public testing::TestWithParam<at::ScalarType> {
  protected:
    GoldenLoss() { at::set_num_threads(1); }

    double tolerance(double for_float) const { return GetParam() == at::kDouble ? 1e-12 : for_float; }
};

TEST_P(GoldenLoss, EveryCaseAgreesInValueAndGradient) {
    SelfCommunicator self;
    int num_compared = 0;
    for (auto const& [name, golden_case] : loss_cases().at("cases").items()) {
        for (auto const& [run, golden] : golden_case.at("runs").items()) {
            std::string const prefix = name + "." + run;
            double const temperature = golden.at("temperature");
            bool const is_finite_in_float = std::exp(temperature) <= 101.0;  // the tolerances hold up to here
            if (GetParam() == at::kFloat && !is_finite_in_float) {
                continue;
            }
            Leaves const leaves = make_leaves(name, temperature, GetParam());
            at::Tensor const loss =
                contrastive_loss(l2_normalise(leaves.text), l2_normalise(leaves.image), leaves.scalars(),
                                 loss_options_of(run.substr(run.find('.') + 1)),
                                 RowPartition::even(1, leaves.text.size(0)), self);
            loss.backward();

            double const expected = loss_tensor(prefix + ".loss").item<double>();
            EXPECT_LE(std::abs(loss.item<double>() - expected),
                      tolerance(3e-6) * std::max(1.0, std::abs(expected)))
                << prefix;
            EXPECT_LE(max_difference(leaves.text.grad(), loss_tensor(prefix + ".grad_text")), tolerance(5e-6))
                << prefix;
            EXPECT_LE(max_difference(leaves.image.grad(), loss_tensor(prefix + ".grad_image")),
                      tolerance(5e-6))
                << prefix;
            double const scale =
                std::max(1.0, std::abs(loss_tensor(prefix + ".grad_temperature").item<double>()));
            EXPECT_LE(max_difference(leaves.temperature.grad(), loss_tensor(prefix + ".grad_temperature")),
                      tolerance(5e-6) * scale)
                << prefix;
            if (has_loss_tensor(prefix + ".grad_logit_bias")) {
                EXPECT_LE(max_difference(leaves.logit_bias.grad(), loss_tensor(prefix + ".grad_logit_bias")),
                          tolerance(5e-6))
                    << prefix;
            }
            ++num_compared;
        }
    }
    EXPECT_GE(num_compared, 30);
}

INSTANTIATE_TEST_SUITE_P(Precision, GoldenLoss, testing::Values(at::kFloat, at::kDouble),
                         [](auto const& test) { return std::string(at::toString(test.param)); });

/// What all ranks of one split computed.
struct RankResults {
    std::vector<double> losses, temperature_gradients, logit_bias_gradients;
    std::vector<at::Tensor> text_gradients, image_gradients;  ///< of the rank's own rows, normalised latents
};

RankResults run_split(std::string const& name, double temperature, std::vector<std::int64_t> const& rows,
                      LossOptions const& options) {
    auto const world_size = rows.size();
    RankResults results{std::vector<double>(world_size), std::vector<double>(world_size),
                        std::vector<double>(world_size), std::vector<at::Tensor>(world_size),
                        std::vector<at::Tensor>(world_size)};
    at::Tensor const text = l2_normalise(loss_tensor(name + ".text").to(at::kDouble));
    at::Tensor const image = l2_normalise(loss_tensor(name + ".image").to(at::kDouble));
    run_ranks(static_cast<int>(world_size), [&](Communicator& communicator) {
        auto const rank = static_cast<std::size_t>(communicator.rank());
        RowPartition const partition = RowPartition::agree(communicator, rows[rank]);
        std::int64_t const first = partition.first_row(communicator.rank());
        auto const own = [&](at::Tensor const& all) {
            return all.narrow(0, first, rows[rank]).clone().requires_grad_();
        };
        auto const scalar = [](double value) {
            return at::scalar_tensor(value, at::kDouble).requires_grad_();
        };
        Leaves const leaves{own(text), own(image), scalar(temperature), scalar(-10.0)};
        at::Tensor const loss =
            contrastive_loss(leaves.text, leaves.image, leaves.scalars(), options, partition, communicator);
        loss.backward();
        results.losses[rank] = loss.item<double>();
        results.temperature_gradients[rank] = leaves.temperature.grad().item<double>();
        results.logit_bias_gradients[rank] =
            leaves.logit_bias.grad().defined() ? leaves.logit_bias.grad().item<double>() : 0.0;
        results.text_gradients[rank] = leaves.text.grad();
        results.image_gradients[rank] = leaves.image.grad();
    });
    return results;
}

double mean(std::vector<double> const& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Rank r back-propagates (R n_r / N) times its local loss.
double share(std::vector<std::int64_t> const& rows, std::size_t rank) {
    auto const total = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
    return static_cast<double>(rows.size()) * static_cast<double>(rows[rank]) / static_cast<double>(total);
}

TEST(RankSplit, EveryGoldenSplitAgreesRankByRank) {
    int num_compared = 0;
    for (nlohmann::json const& split : loss_cases().at("ranks")) {
        std::string const name = split.at("case");
        std::vector<std::int64_t> const rows = split.at("rows");
        for (auto const& [kind, golden] : split.at("kinds").items()) {
            RankResults const results = run_split(name, split.at("temperature"), rows, loss_options_of(kind));
            EXPECT_NEAR(mean(results.losses), golden.at("global_loss").get<double>(), 1e-12);
            for (std::size_t rank = 0; rank < rows.size(); ++rank) {
                EXPECT_NEAR(results.losses[rank],
                            share(rows, rank) * golden.at("local_loss").at(rank).get<double>(), 1e-12);
                EXPECT_NEAR(results.temperature_gradients[rank],
                            golden.at("local_grad_temperature").at(rank).get<double>(), 1e-11);
                if (golden.contains("local_grad_logit_bias")) {
                    EXPECT_NEAR(results.logit_bias_gradients[rank],
                                golden.at("local_grad_logit_bias").at(rank).get<double>(), 1e-12);
                }
            }
            ++num_compared;
        }
    }
    EXPECT_GE(num_compared, 12);
}

TEST(RankSplit, GradientsOfTheLatentsAreRankCountTimesThoseOfOneRank) {
    for (std::string const kind : {"cross_entropy", "decoupled", "siglip"}) {
        RankResults const one = run_split("n33_d32", 1.0, {33}, loss_options_of(kind));
        for (std::vector<std::int64_t> const& rows :
             {std::vector<std::int64_t>{17, 16}, {9, 8, 8, 8}, {1, 30, 2}}) {
            RankResults const many = run_split("n33_d32", 1.0, rows, loss_options_of(kind));
            auto const factor = static_cast<double>(rows.size());
            EXPECT_LE(max_difference(at::cat(many.text_gradients), one.text_gradients[0] * factor), 1e-14)
                << kind;
            EXPECT_LE(max_difference(at::cat(many.image_gradients), one.image_gradients[0] * factor), 1e-14)
                << kind;
            EXPECT_NEAR(mean(many.losses), one.losses[0], 1e-13) << kind;
            EXPECT_NEAR(mean(many.temperature_gradients), one.temperature_gradients[0], 1e-13) << kind;
        }
    }
}

TEST(RankSplit, LocalNegativesUseOnlyTheRanksOwnRows) {
    int num_compared = 0;
    for (nlohmann::json const& split : loss_cases().at("ranks")) {
        std::vector<std::int64_t> const rows = split.at("rows");
        for (std::string const kind : {"official", "siglip"}) {
            nlohmann::json const& golden = split.at("kinds").at(kind);
            LossOptions options = loss_options_of(kind);
            options.negatives = Negatives::kLocal;
            RankResults const results = run_split(split.at("case"), split.at("temperature"), rows, options);
            for (std::size_t rank = 0; rank < rows.size(); ++rank) {
                EXPECT_NEAR(results.losses[rank],
                            share(rows, rank) * golden.at("no_gather_local_loss").at(rank).get<double>(),
                            1e-12);
                ++num_compared;
            }
        }
    }
    EXPECT_GE(num_compared, 8);
}

TEST(ContrastiveLoss, StaysFiniteWhereTheReferenceOverflows) {
    SelfCommunicator self;
    at::Tensor const unit = l2_normalise(at::eye(4, at::kFloat));
    at::Tensor const loss =
        contrastive_loss(unit, unit, {at::scalar_tensor(6.0F), {}}, {}, RowPartition::even(1, 4), self);
    EXPECT_NEAR(loss.item<double>(), 0.0, 1e-6);  // logits of 403: e^403 is no float
}

TEST(ContrastiveLoss, IsZeroForASingleSample) {
    SelfCommunicator self;
    at::Tensor const unit = l2_normalise(at::ones({1, 4}));
    EXPECT_EQ(contrastive_loss(unit, unit, {at::scalar_tensor(1.0F), {}}, {}, RowPartition::even(1, 1), self)
                  .item<float>(),
              0.0F);
}

TEST(ContrastiveLoss, RefusesADecoupledLossWithoutNegatives) {
    SelfCommunicator self;
    at::Tensor const unit = l2_normalise(at::ones({1, 4}));
    EXPECT_THAT(
        [&] {
            contrastive_loss(unit, unit, {at::scalar_tensor(1.0F), {}},
                             {.denominator = Denominator::kNegativesOnly}, RowPartition::even(1, 1), self);
        },
        ThrowsMessage<Error>(HasSubstr("has no negative in a batch of one sample")));
}

TEST(Gather, BringsUnequalRowsInRankOrderAndSumsTheirGradients) {
    run_ranks(3, [](Communicator& communicator) {
        std::int64_t const rank = communicator.rank();
        RowPartition const partition = RowPartition::agree(communicator, rank);  // 0, 1 and 2 rows
        at::Tensor const local = at::full({rank, 2}, static_cast<double>(rank), at::kDouble).requires_grad_();
        at::Tensor const all = gather_rows(local, partition, communicator);
        ASSERT_EQ(all.sizes(), at::IntArrayRef({3, 2}));
        EXPECT_TRUE(at::equal(all.select(1, 0), at::tensor({1.0, 2.0, 2.0}, at::kDouble)));

        (all * static_cast<double>(10 + rank)).sum().backward();
        EXPECT_TRUE(at::equal(local.grad(), at::full({rank, 2}, 33.0, at::kDouble)));
    });
}

}  // namespace
}  // namespace ctclip
