#include "mpi/mpi_communicator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

#include "base/error.hpp"

namespace ctclip {
namespace {

using testing::Each;
using testing::ElementsAreArray;

/// Each test at the real limit of one MPI call and at a tiny one, where everything is split.
class MpiCommunicatorTest : public testing::TestWithParam<std::size_t> {
  protected:
    MpiCommunicator comm_{MPI_COMM_WORLD, GetParam()};
    int const rank_ = comm_.rank();
    int const world_size_ = comm_.world_size();
    std::size_t const num_ranks_ = static_cast<std::size_t>(world_size_);
};

INSTANTIATE_TEST_SUITE_P(Limits, MpiCommunicatorTest, testing::Values(MpiCommunicator::kMaxCount, 3),
                         [](auto const& limit) { return limit.param == 3 ? "Split" : "Whole"; });

template <class T>
std::vector<T> ramp(std::size_t count, T start) {
    std::vector<T> values(count);
    std::iota(values.begin(), values.end(), start);
    return values;
}

TEST_P(MpiCommunicatorTest, BroadcastGivesEveryoneTheBytesOfTheRoot) {
    int const root = world_size_ - 1;
    std::vector<std::int32_t> data = ramp<std::int32_t>(11, rank_ == root ? 100 : -1);

    comm_.broadcast(data.data(), data.size() * sizeof(std::int32_t), root);

    EXPECT_THAT(data, ElementsAreArray(ramp<std::int32_t>(11, 100)));
}

TEST_P(MpiCommunicatorTest, AllReduceKnowsEveryElementTypeAndReduction) {
    int const sum_of_ranks = world_size_ * (world_size_ - 1) / 2;
    std::vector<std::int64_t> sums(10, rank_);
    std::vector<std::int32_t> minima(10, rank_ + 5);
    std::vector<std::uint8_t> maxima(10, static_cast<std::uint8_t>(rank_));
    std::vector<float> averages(10, static_cast<float>(rank_));
    std::vector<double> double_averages(10, rank_);

    comm_.all_reduce(sums.data(), sums.size(), Element::kI64, Reduction::kSum);
    comm_.all_reduce(minima.data(), minima.size(), Element::kI32, Reduction::kMin);
    comm_.all_reduce(maxima.data(), maxima.size(), Element::kU8, Reduction::kMax);
    comm_.all_reduce(averages.data(), averages.size(), Element::kF32, Reduction::kAverage);
    comm_.all_reduce(double_averages.data(), double_averages.size(), Element::kF64, Reduction::kAverage);

    EXPECT_THAT(sums, Each(sum_of_ranks));
    EXPECT_THAT(minima, Each(5));
    EXPECT_THAT(maxima, Each(world_size_ - 1));
    EXPECT_THAT(averages, Each(static_cast<float>(world_size_ - 1) / 2.0F));
    EXPECT_THAT(double_averages, Each((world_size_ - 1) / 2.0));
}

TEST_P(MpiCommunicatorTest, AsyncReductionsOverlapAndMayBeAwaitedInAnyOrder) {
    std::vector<float> first(10, 1.0F);
    std::vector<double> second(7, static_cast<double>(rank_ + 1));

    auto const first_pending =
        comm_.all_reduce_async(first.data(), first.size(), Element::kF32, Reduction::kSum);
    auto const second_pending =
        comm_.all_reduce_async(second.data(), second.size(), Element::kF64, Reduction::kAverage);
    comm_.progress();
    second_pending->wait();
    first_pending->wait();

    EXPECT_THAT(first, Each(static_cast<float>(world_size_)));
    EXPECT_THAT(second, Each((world_size_ + 1) / 2.0));
}

TEST(MpiBackgroundProgress, AReductionEndsWhileItsCallerDoesSomethingElse) {
    MpiCommunicator comm(MPI_COMM_WORLD);
    std::vector<float> values(std::size_t{1} << 20, static_cast<float>(comm.rank()));

    auto const pending = comm.all_reduce_async(values.data(), values.size(), Element::kF32, Reduction::kAverage);
    std::this_thread::sleep_for(std::chrono::seconds(1));  // no call to MPI
    auto const asked_at = std::chrono::steady_clock::now();
    pending->wait();

    EXPECT_THAT(values, Each(static_cast<float>(comm.world_size() - 1) / 2.0F));
    if (comm.world_size() > 1) {
        EXPECT_LT(*pending->finished_at(), asked_at);
    }
}

TEST(MpiBackgroundProgress, OtherOperationsGoOnMeanwhile) {
    MpiCommunicator control(MPI_COMM_WORLD);
    MpiCommunicator data(MPI_COMM_WORLD);
    std::vector<double> sums(std::size_t{1} << 16, 1.0);
    for (int i = 0; i < 50; ++i) {
        auto const pending = data.all_reduce_async(sums.data(), sums.size(), Element::kF64, Reduction::kAverage);
        std::int32_t count = 1;
        control.all_reduce(&count, 1, Element::kI32, Reduction::kSum);
        ASSERT_EQ(count, control.world_size());
        pending->wait();
    }
    EXPECT_THAT(sums, Each(1.0));
}

TEST_P(MpiCommunicatorTest, AllGatherPutsRankZeroFirst) {
    std::vector<std::int32_t> const sent = ramp<std::int32_t>(5, 10 * rank_);
    std::vector<std::int32_t> received(5 * num_ranks_, -1);

    comm_.all_gather(sent.data(), received.data(), sent.size() * sizeof(std::int32_t));

    for (int rank = 0; rank < world_size_; ++rank) {
        std::vector<std::int32_t> const part(received.begin() + 5 * rank, received.begin() + 5 * (rank + 1));
        EXPECT_THAT(part, ElementsAreArray(ramp<std::int32_t>(5, 10 * rank)));
    }
}

TEST_P(MpiCommunicatorTest, ReduceScatterGivesEachRankTheSumOfItsPart) {
    std::vector<float> const sent = ramp<float>(7 * num_ranks_, static_cast<float>(rank_));
    std::vector<float> received(7, -1.0F);

    comm_.reduce_scatter_sum(sent.data(), received.data(), received.size(), Element::kF32);

    for (std::size_t i = 0; i < received.size(); ++i) {
        std::size_t const position = 7 * static_cast<std::size_t>(rank_) + i;
        float const expected = static_cast<float>(num_ranks_ * position + num_ranks_ * (num_ranks_ - 1) / 2);
        EXPECT_EQ(received[i], expected);
    }
}

TEST_P(MpiCommunicatorTest, EmptyBuffersAreFine) {
    comm_.broadcast(nullptr, 0, 0);
    comm_.all_reduce(nullptr, 0, Element::kF32, Reduction::kSum);
    comm_.all_reduce_async(nullptr, 0, Element::kF32, Reduction::kAverage)->wait();
    comm_.all_gather(nullptr, nullptr, 0);
    comm_.reduce_scatter_sum(nullptr, nullptr, 0, Element::kF32);
    comm_.barrier();
}

TEST_P(MpiCommunicatorTest, RefusesToAverageIntegers) {
    std::int32_t value = 1;

    EXPECT_THAT([&] { comm_.all_reduce(&value, 1, Element::kI32, Reduction::kAverage); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("average")));
}

TEST_P(MpiCommunicatorTest, AFailedCallSaysWhichWhereAndWhatToDo) {
    double value = 0.0;

    EXPECT_THAT([&] { comm_.broadcast(&value, sizeof value, /*root=*/1000); },
                testing::ThrowsMessage<Error>(testing::AllOf(
                    testing::HasSubstr("MPI_Bcast failed at mpi_communicator.cpp"),
                    testing::HasSubstr("MPI_ERR_ROOT"), testing::HasSubstr("run the same command again"))));
}

}  // namespace
}  // namespace ctclip
