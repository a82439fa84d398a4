#include "loader/batch_sequence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Independent of BatchSequence: the whole order of an epoch, written down at once.
std::vector<std::int64_t> epoch_order(SequenceOptions const& options, std::uint64_t seed,
                                      std::int64_t epoch) {
    SampleOrder const order(options.num_samples, options.shuffle, seed, epoch);
    std::vector<std::int64_t> indices;
    for (std::int64_t position = 0; position < options.num_samples; ++position) {
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
    options.num_samples = num_samples;
    options.batch_size = batch_size;
    options.world_size = world_size;
    options.remainder = remainder;
    options.epochs = epochs;
    return options;
}

TEST(BatchSequence, SequenceBeforeAndAfterAResumeIsTheEpochsOrderForAnyWorldSize) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::uint64_t draw = 0;
        auto const between = [&](std::int64_t low, std::int64_t high) {
            return low + static_cast<std::int64_t>(splitmix64(seed, draw++) %
                                                   static_cast<std::uint64_t>(high - low + 1));
        };
        std::int64_t const num_samples = between(24, 300);
        auto const with_random_world = [&] {
            return options_of(num_samples, between(1, 4), static_cast<int>(between(1, 6)), Remainder::kDrop,
                              Epochs::kEndless);
        };
        SamplerState state;
        state.seed = seed;
        state.epoch = between(0, 3);
        std::vector<std::int64_t> const expected = epoch_order(with_random_world(), seed, state.epoch);
        std::int64_t const epoch = state.epoch;
        std::vector<std::int64_t> used;
        while (state.epoch == epoch) {  // stop at a random batch, go on with another world
            SequenceOptions const options = with_random_world();
            std::int64_t const num_left = (num_samples - state.position) / options.global_batch_size();
            if (num_left == 0) {
                break;
            }
            std::vector<std::int64_t> const more = run(options, state, between(1, num_left));
            used.insert(used.end(), more.begin(), more.end());
        }
        ASSERT_LE(used.size(), expected.size());
        EXPECT_TRUE(std::equal(used.begin(), used.end(), expected.begin())) << "seed " << seed;
        EXPECT_EQ(static_cast<std::int64_t>(used.size()), state.position);
    }
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
    options.shuffle = SampleShuffle::kNone;
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
    options.shuffle = SampleShuffle::kNone;
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

}  // namespace
}  // namespace ctclip
