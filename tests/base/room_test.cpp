#include "base/room.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Room, AFolderThatDoesNotExistIsAskedOfItsNearestParent) {
    TempDir const dir;
    EXPECT_NO_THROW(require_free_space(dir.path() / "a" / "b", 1.0));
    EXPECT_FALSE(std::filesystem::exists(dir.path() / "a"));
}

TEST(Room, MoreSpaceThanThereIsIsRefusedWithBothFigures) {
    TempDir const dir;
    EXPECT_THAT([&] { require_free_space(dir.path(), 1e18); },
                ThrowsMessage<Error>(HasSubstr("about 931322574.62 GiB are needed")));
}

TEST(Room, TheHostSaysItsAvailableMemory) {
    EXPECT_GT(available_memory_bytes(), std::uint64_t{1} << 20);
    EXPECT_LT(available_memory_bytes(), std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace ctclip
