#include "dist/self_communicator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;

TEST(SelfCommunicator, EveryCollectiveIsTheIdentity) {
    SelfCommunicator comm;
    std::vector<float> values{1.0F, 2.0F};
    std::vector<float> gathered(2);
    std::vector<float> scattered(2);

    comm.broadcast(values.data(), 8, 0);
    comm.all_reduce(values.data(), 2, Element::kF32, Reduction::kAverage);
    comm.all_reduce_async(values.data(), 2, Element::kF32, Reduction::kSum)->wait();
    comm.all_gather(values.data(), gathered.data(), 8);
    comm.reduce_scatter_sum(values.data(), scattered.data(), 2, Element::kF32);
    comm.barrier();

    EXPECT_EQ(comm.rank(), 0);
    EXPECT_EQ(comm.world_size(), 1);
    EXPECT_THAT(values, ElementsAre(1.0F, 2.0F));
    EXPECT_THAT(gathered, ElementsAre(1.0F, 2.0F));
    EXPECT_THAT(scattered, ElementsAre(1.0F, 2.0F));
}

TEST(SelfCommunicator, ChecksWhatMpiWouldCheck) {
    SelfCommunicator comm;
    int value = 1;

    EXPECT_THROW(comm.broadcast(&value, sizeof value, 1), Error);
    EXPECT_THROW(comm.all_reduce(&value, 1, Element::kI32, Reduction::kAverage), Error);
}

TEST(Communicator, ElementSizesAreThoseOfTheTypes) {
    EXPECT_EQ(element_size_bytes(Element::kF64), sizeof(double));
    EXPECT_EQ(element_size_bytes(Element::kF32), sizeof(float));
    EXPECT_EQ(element_size_bytes(Element::kI64), 8U);
    EXPECT_EQ(element_size_bytes(Element::kI32), 4U);
    EXPECT_EQ(element_size_bytes(Element::kU8), 1U);
}

}  // namespace
}  // namespace ctclip
