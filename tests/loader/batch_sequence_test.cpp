#include "loader/batch_sequence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// The whole order of an epoch, written down at once.
std::vector<std::int64_t> epoch_order(SequenceOptions const& options, std::uint64_t seed,
                                      std::int64_t epoch) {
    SampleOrder const order(options.order, seed, "", epoch);
    std::vector<std::int64_t> indices;
    for (std::int64_t position = 0; position < order.size(); ++position) {
        indices.push_back(order.at(position));
    }
    return indices;
}

/// The indices that all ranks together use in the next `num_batches` batches, in order; moves `state`.
std::vector<std::int64_t> run(SequenceOptions options, SamplerState& state, std::int64_t num_batches) {
    std::vector<BatchSequence> ranks;
    for (options.rank = 0; options.rank < options.world_size; ++options.rank) {
        ranks.emplace_back(options, state);
    }
    std::vector<std::int64_t> used;
    for (std::int64_t batch = 0; batch < num_batches; ++batch) {
        for (BatchSequence& rank : ranks) {
            std::optional<BatchRows> const rows = rank.next();
            if (!rows) {
                return used;
            }
            for (BatchRow const& row : rows->rows) {
                used.push_back(row.index);
            }
            state = rows->state_after;
        }
    }
    return used;
}

SequenceOptions options_of(std::int64_t num_samples, std::int64_t batch_size, int world_size,
                           Remainder remainder, Epochs epochs) {
    SequenceOptions options;
    options.order.num_samples = num_samples;
    options.batch_size = batch_size;
    options.world_size = world_size;
    options.remainder = remainder;
    options.epochs = epochs;
    return options;
}

TEST(BatchSequence, GlobalBatchesDoNotDependOnHowTheyAreSharedOut) {
    SamplerState one_rank{.seed = 5};
    SamplerState four_ranks{.seed = 5};
    EXPECT_EQ(run(options_of(50, 8, 1, Remainder::kDrop, Epochs::kEndless), one_rank, 20),
              run(options_of(50, 2, 4, Remainder::kDrop, Epochs::kEndless), four_ranks, 20));
    EXPECT_EQ(one_rank, four_ranks);
}

TEST(BatchSequence, DropLeavesOutTheRemainderAndStartsTheNextEpoch) {
    SequenceOptions options = options_of(5, 2, 1, Remainder::kDrop, Epochs::kEndless);
    options.order.shuffle = SampleShuffle::kNone;
    SamplerState state;
    EXPECT_THAT(run(options, state, 3), ElementsAre(0, 1, 2, 3, 0, 1));
    EXPECT_EQ(state.epoch, 1);
    EXPECT_EQ(state.position, 2);
    EXPECT_EQ(options.batches_per_epoch(), 2);
}

TEST(BatchSequence, PadUsesEachSampleOnceWithEqualBatchCountsOnAllRanks) {
    for (int const world_size : {1, 2, 3, 7}) {
        for (std::int64_t const batch_size : {1, 2, 5}) {
            SequenceOptions const options =
                options_of(11, batch_size, world_size, Remainder::kPad, Epochs::kOne);
            SamplerState state{.seed = 3};
            std::vector<std::int64_t> used = run(options, state, 1000);
            EXPECT_EQ(static_cast<std::int64_t>(used.size()),
                      options.batches_per_epoch() * options.global_batch_size());
            std::erase(used, kPaddingRow);
            EXPECT_EQ(used, epoch_order(options, 3, 0));
        }
    }
}

TEST(BatchSequence, WrapFillsFromTheBeginningOfTheSameEpoch) {
    SequenceOptions options = options_of(5, 3, 1, Remainder::kWrap, Epochs::kOne);
    options.order.shuffle = SampleShuffle::kNone;
    SamplerState state;
    EXPECT_THAT(run(options, state, 10), ElementsAre(0, 1, 2, 3, 4, 0));
}

TEST(BatchSequence, RefusesWhatCannotWork) {
    EXPECT_THAT([] { BatchSequence(options_of(7, 2, 4, Remainder::kDrop, Epochs::kEndless), {}); },
                ThrowsMessage<Error>(HasSubstr("7 samples do not fill one global batch of 4 ranks")));
    EXPECT_THAT([] { BatchSequence(options_of(0, 1, 1, Remainder::kPad, Epochs::kOne), {}); },
                ThrowsMessage<Error>(HasSubstr("no samples")));
    SamplerState state;
    state.position = 8;
    EXPECT_THAT([&] { BatchSequence(options_of(7, 1, 1, Remainder::kDrop, Epochs::kEndless), state); },
                ThrowsMessage<Error>(HasSubstr("does not fit a dataset of 7 samples")));
}

TEST(BatchSequence, RefusesAPositionThatCountsInAnotherOrder) {
    SequenceOptions options = options_of(7, 1, 1, Remainder::kDrop, Epochs::kEndless);
    SamplerState const state = BatchSequence(options, {}).next()->state_after;
    EXPECT_EQ(state.order, "global, swap-or-not");
    BatchSequence(options, state);
    options.order.shuffle = SampleShuffle::kWindow;
    options.order.groups = {{7, 100}};
    options.order.window_bytes = 50;
    EXPECT_THAT(
        [&] { BatchSequence(options, state); },
        ThrowsMessage<Error>(testing::AllOf(HasSubstr("in the order 'global, swap-or-not', this run in "
                                                      "'windows of 50 bytes, swap-or-not'"),
                                            HasSubstr("data.shuffle"))));
}

}  // namespace
}  // namespace ctclip
