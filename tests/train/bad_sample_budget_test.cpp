#include "train/bad_sample_budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "mpi/mpi_communicator.hpp"

namespace ctclip {
namespace {

class BadSampleBudgetTest : public testing::Test {
  protected:
    HostBatch batch_with(std::vector<std::int64_t> replaced) const {
        HostBatch batch;
        batch.rows.push_back({.position = 0, .index = 100, .replaced = std::move(replaced)});
        return batch;
    }

    MpiCommunicator ranks_{MPI_COMM_WORLD};
};

TEST_F(BadSampleBudgetTest, CountsTheSamplesOfAllRanksOnce) {
    BadSampleBudget budget(1 + ranks_.world_size());
    budget.note(batch_with({7, 10 + ranks_.rank()}));
    budget.share(ranks_);
    EXPECT_EQ(budget.count(), 1 + ranks_.world_size());
    budget.note(batch_with({7}));
    budget.share(ranks_);
    EXPECT_EQ(budget.count(), 1 + ranks_.world_size());
}

TEST_F(BadSampleBudgetTest, OneMoreOnOneRankEndsTheRunOnAll) {
    BadSampleBudget budget(1);
    budget.note(batch_with({7}));
    budget.share(ranks_);
    if (ranks_.rank() == ranks_.world_size() - 1) {
        budget.note(batch_with({8}));
    }
    EXPECT_THAT([&] { budget.share(ranks_); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("2 different samples of this run are bad")));
}

TEST_F(BadSampleBudgetTest, GoesOnFromACheckpoint) {
    BadSampleBudget before(2);
    StateGroup sampler;
    before.save_to(sampler);
    EXPECT_TRUE(sampler.arrays.empty());
    before.note(batch_with({7, 8}));
    before.share(ranks_);
    before.save_to(sampler);

    BadSampleBudget after(2);
    after.restore_from(sampler);
    EXPECT_EQ(after.count(), 2);
    after.note(batch_with({8, 9}));
    EXPECT_THROW(after.share(ranks_), Error);
}

}  // namespace
}  // namespace ctclip
