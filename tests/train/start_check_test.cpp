#include "train/start_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "base/output_lock.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "dist/self_communicator.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TrainOptions options_in(std::filesystem::path const& folder) {
    TrainOptions options;
    options.run.dir = folder;
    options.checkpoint.keep_last_n = 3;
    options.checkpoint.save_best = true;
    return options;
}

TEST(StartCheck, WritesNothing) {
    TempDir const dir;
    require_room_for_files(options_in(dir.path() / "run"), 1.0);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(StartCheck, RefusesAFolderThatAnotherRunUses) {
    TempDir const dir;
    OutputLock const lock(dir.path(), "ctclip-train");
    EXPECT_THAT([&] { require_room_for_files(options_in(dir.path()), 1.0); },
                ThrowsMessage<Error>(HasSubstr("is in use by ctclip-train")));
}

TEST(StartCheck, FromScratchRefusesAFolderWithContent) {
    TempDir const dir;
    std::ofstream(dir.path() / "file") << "x";
    TrainOptions options = options_in(dir.path());
    EXPECT_NO_THROW(require_room_for_files(options, 1.0));
    options.from_scratch = true;
    EXPECT_THAT([&] { require_room_for_files(options, 1.0); }, ThrowsMessage<Error>(HasSubstr("is not empty")));
}

// Three to keep, the best, and the one being written.
TEST(StartCheck, CountsCheckpointsThatAreThereAlready) {
    TempDir const dir;
    TrainOptions const options = options_in(dir.path());
    auto const free_bytes = static_cast<double>(std::filesystem::space(dir.path()).available);
    EXPECT_THAT([&] { require_room_for_files(options, free_bytes / 4); },
                ThrowsMessage<Error>(HasSubstr("GiB are free")));
    EXPECT_NO_THROW(require_room_for_files(options, free_bytes / 6));

    std::filesystem::create_directories(dir.path() / "checkpoints");
    for (std::int64_t const step : {1, 2, 3}) {
        std::filesystem::path const path = dir.path() / "checkpoints" / checkpoint_name(step);
        std::ofstream(path) << "x";
        std::filesystem::resize_file(path, static_cast<std::uintmax_t>(free_bytes / 4));  // a hole: takes no room
    }
    EXPECT_NO_THROW(require_room_for_files(options, free_bytes / 4));
}

TEST(StartCheck, RefusesMoreMemoryThanTheHostHas) {
    SelfCommunicator self;
    EXPECT_NO_THROW(require_room_in_memory(1e6, self));
    EXPECT_THAT([&] { require_room_in_memory(1e18, self); },
                ThrowsMessage<Error>(testing::AllOf(HasSubstr("the ranks here (1) need at least 931322574.6 GiB"),
                                                    HasSubstr("data.prefetch_factor"))));
}

}  // namespace
}  // namespace ctclip
