#include "dist/bucket_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace ctclip {
namespace {

using testing::ElementsAre;

std::vector<std::vector<std::size_t>> members(std::vector<Bucket> const& buckets) {
    std::vector<std::vector<std::size_t>> lists;
    for (Bucket const& bucket : buckets) {
        lists.emplace_back();
        for (BucketSlot const& slot : bucket.slots) {
            lists.back().push_back(slot.parameter_index);
        }
    }
    return lists;
}

TEST(BucketPlan, GoesFromTheLastParameterToTheFirst) {
    std::vector<std::int64_t> const counts{32, 32, 32, 32};

    EXPECT_THAT(members(plan_buckets(counts, 4, 64 * 4)), ElementsAre(ElementsAre(3, 2), ElementsAre(1, 0)));
}

TEST(BucketPlan, AParameterAboveTheCapTravelsAlone) {
    std::vector<std::int64_t> const counts{1, 1000, 1};

    EXPECT_THAT(members(plan_buckets(counts, 4, 256)),
                ElementsAre(ElementsAre(2), ElementsAre(1), ElementsAre(0)));
}

TEST(BucketPlan, KnowsNoAndEmptyParameters) {
    EXPECT_TRUE(plan_buckets({}, 4, 1024).empty());
    EXPECT_THAT(members(plan_buckets(std::vector<std::int64_t>{0, 0}, 4, 1)), ElementsAre(ElementsAre(1, 0)));
}

TEST(BucketPlan, EveryElementHasItsOwnAlignedPlaceWithinTheCap) {
    for (unsigned const seed : {1U, 2U, 3U, 4U}) {
        std::mt19937 random(seed);
        std::vector<std::int64_t> counts(50);
        for (std::int64_t& count : counts) {
            count = static_cast<std::int64_t>(random() % 3000);
        }
        std::size_t const cap_bytes = 1 + random() % 20000;

        std::vector<Bucket> const buckets = plan_buckets(counts, 8, cap_bytes);

        std::set<std::size_t> seen;
        for (Bucket const& bucket : buckets) {
            std::int64_t end = 0;
            for (BucketSlot const& slot : bucket.slots) {
                EXPECT_TRUE(seen.insert(slot.parameter_index).second);
                EXPECT_EQ(slot.count, counts[slot.parameter_index]);
                EXPECT_EQ(slot.offset % kSlotAlignment, 0);
                EXPECT_GE(slot.offset, end);
                end = slot.offset + slot.count;
            }
            EXPECT_LE(end, bucket.count);
            bool const is_within_cap = static_cast<std::size_t>(bucket.count) * 8 <= cap_bytes;
            bool const has_one_filled = bucket.count - bucket.slots.back().offset == bucket.count ||
                                        bucket.slots.size() == 1 || bucket.slots.back().offset == 0;
            EXPECT_TRUE(is_within_cap || has_one_filled) << "seed " << seed;
        }
        EXPECT_EQ(seen.size(), counts.size());
    }
}

}  // namespace
}  // namespace ctclip
