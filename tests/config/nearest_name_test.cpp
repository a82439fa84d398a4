#include "config/nearest_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctclip {
namespace {

using testing::Eq;
using testing::Optional;

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
    EXPECT_EQ(edit_distance("steps", "steps"), 0U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("step", "steps"), 1U);
    EXPECT_EQ(edit_distance("stpes", "steps"), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(NearestName, FindsTheMostAlikeCandidate) {
    std::vector<std::string> const keys = {"training.max_steps", "training.max_epochs", "data.batch_size"};

    EXPECT_THAT(nearest_name("training.max_stesp", keys), Optional(Eq("training.max_steps")));
    EXPECT_THAT(nearest_name("trainning.max_epochs", keys), Optional(Eq("training.max_epochs")));
}

TEST(NearestName, FindsTheSameNameInAnotherSection) {
    EXPECT_THAT(nearest_name("training.batch_size", {"training.max_steps", "data.batch_size"}),
                Optional(Eq("data.batch_size")));
}

TEST(NearestName, SuggestsNothingWhenNothingIsAlike) {
    EXPECT_EQ(nearest_name("zebra", {"training.max_steps", "data.batch_size"}), std::nullopt);
    EXPECT_EQ(nearest_name("a", {}), std::nullopt);
}

}  // namespace
}  // namespace ctclip
