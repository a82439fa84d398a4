#include "mpi/device_placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "dist/self_communicator.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

GpuInfo gpu(int major, int minor) {
    return {.index = 0,
            .name = "Test GPU",
            .pci_bus_id = "0000:1B:00.0",
            .compute_major = major,
            .compute_minor = minor};
}

TEST(DevicePlacement, RanksOfAHostTakeTurns) {
    EXPECT_EQ(choose_gpu(0, 0, 4), 0);
    EXPECT_EQ(choose_gpu(3, 0, 4), 3);
    EXPECT_EQ(choose_gpu(1, 2, 4), 3);
    EXPECT_EQ(choose_gpu(5, 0, 1), 0);  // --gpus-per-task: each sees one
}

TEST(DevicePlacement, AcceptsOneGpuPerRank) {
    EXPECT_NO_THROW(require_distinct(std::vector<RankDevice>{{"a", "0"}, {"a", "1"}, {"b", "0"}}));
    EXPECT_NO_THROW(require_distinct(std::vector<RankDevice>{{"a", ""}, {"a", ""}}));
}

TEST(DevicePlacement, RefusesASharedGpuWithItsCause) {
    EXPECT_THAT(
        [] {
            require_distinct(std::vector<RankDevice>{{"a", "0"}, {"b", "0"}, {"b", "0"}});
        },
        ThrowsMessage<Error>(AllOf(HasSubstr("ranks 1 and 2 on b would share GPU 0"),
                                   HasSubstr("Duplicate GPU"), HasSubstr("--gpus-per-node"))));
}

TEST(DevicePlacement, RefusesAMixtureOfGpuAndCpu) {
    EXPECT_THAT(
        [] {
            require_distinct(std::vector<RankDevice>{{"a", "0"}, {"b", ""}});
        },
        ThrowsMessage<Error>(HasSubstr("rank 1 on b has no GPU, but rank 0 on a has one")));
    EXPECT_THAT(
        [] {
            require_distinct(std::vector<RankDevice>{{"a", ""}, {"b", "0"}});
        },
        ThrowsMessage<Error>(HasSubstr("rank 1 on b has a GPU, but rank 0 on a has none")));
}

TEST(DevicePlacement, ChecksThatTheGpuHasThePrecision) {
    EXPECT_NO_THROW(require_precision(gpu(9, 0), "bf16", "evaluate.mixed_precision"));
    EXPECT_NO_THROW(require_precision(gpu(7, 0), "fp16", "evaluate.mixed_precision"));
    EXPECT_NO_THROW(require_precision(gpu(6, 1), "fp32", "evaluate.mixed_precision"));
    EXPECT_THAT(
        [] { require_precision(gpu(7, 5), "bf16", "evaluate.mixed_precision"); },
        ThrowsMessage<Error>(AllOf(HasSubstr("Test GPU) has compute capability 7.5, but bf16 needs 8.0"),
                                   HasSubstr("Set evaluate.mixed_precision to fp16 or fp32"))));
    EXPECT_THAT([] { require_precision(gpu(6, 1), "fp16", "training.mixed_precision"); },
                ThrowsMessage<Error>(AllOf(HasSubstr("needs 7.0"), HasSubstr("Set training.mixed_precision to fp32"))));
}

TEST(DevicePlacement, WithoutGpusTheRankComputesOnTheCpu) {
    SelfCommunicator comm;

    EXPECT_FALSE(place_rank(comm, {}, {.precision = "fp16"}).has_value());
}

TEST(DevicePlacement, ARankThatCannotUseItsGpuFailsOnAllRanks) {
    SelfCommunicator comm;

    EXPECT_THAT([&] { place_rank(comm, {gpu(6, 1)}, {.precision = "fp16"}); },
                ThrowsMessage<Error>(HasSubstr("rank 0: GPU 0 (Test GPU)")));
}

}  // namespace
}  // namespace ctclip
