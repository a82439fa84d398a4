// File systems that fail or lack something, under the commit of a file and under the output lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/output_lock.hpp"
#include "support/io_faults.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;

class CommitFault : public testing::Test {
  protected:
    ~CommitFault() override { arm_faults(nullptr); }

    /// Writes `content` to a.txt under the plan. @return the failure, if any.
    std::optional<Error> commit(FaultPlan plan, std::string const& content, IfExists if_exists) {
        plan.folder = dir_.path().string();
        std::optional<Error> failure;
        arm_faults(&plan);
        try {
            write_durably(path_, content, if_exists);
        } catch (Error const& error) {
            failure = error;
        }
        arm_faults(nullptr);
        return failure;
    }

    std::size_t num_files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir_.path()), {}));
    }

    TempDir const dir_;
    std::filesystem::path const path_ = dir_ / "a.txt";
};

TEST_F(CommitFault, WithoutLinksAFileIsRenamedIntoPlace) {
    EXPECT_FALSE(commit({.has_links = false}, "new", IfExists::kRefuse).has_value());
    EXPECT_EQ(read_text_file(path_), "new");
    EXPECT_EQ(num_files(), 1U);
}

TEST_F(CommitFault, WithoutLinksAFinishedFileIsNamedAsTheReason) {
    write_durably(path_, "old", IfExists::kRefuse);
    std::optional<Error> const failure = commit({.has_links = false}, "new", IfExists::kRefuse);
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->code(), ExitCode::kCannotCreate);
    EXPECT_THAT(failure->what(), HasSubstr("a.txt exists already"));
    EXPECT_EQ(read_text_file(path_), "old");
    EXPECT_EQ(num_files(), 1U);
}

TEST_F(CommitFault, AFileSystemThatCanDoNeitherIsNamedAsTheReason) {
    std::optional<Error> const failure =
        commit({.call = "renameat2", .fatal_number = 1, .error_number = EINVAL, .has_links = false}, "new",
               IfExists::kRefuse);
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->code(), ExitCode::kCannotCreate);
    EXPECT_THAT(failure->what(), HasSubstr("neither link nor rename without replacing"));
    EXPECT_EQ(num_files(), 0U);
}

TEST_F(CommitFault, OfTheRenameItselfIsReported) {
    std::optional<Error> const failure =
        commit({.call = "renameat2", .fatal_number = 1, .error_number = EIO, .has_links = false}, "new",
               IfExists::kRefuse);
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->code(), ExitCode::kIoError);
    EXPECT_THAT(failure->what(), HasSubstr("Input/output error"));
    EXPECT_EQ(num_files(), 0U);
}

/// NFS sends a request again when the answer to the first got lost.
TEST_F(CommitFault, ALinkThatWasMadeThoughItsAnswerGotLostCounts) {
    for (int const error_number : {EEXIST, EIO}) {
        EXPECT_FALSE(commit({.call = "link",
                             .fatal_number = 1,
                             .error_number = error_number,
                             .kind = FaultKind::kLostReply},
                            "new", IfExists::kRefuse)
                         .has_value());
        EXPECT_EQ(read_text_file(path_), "new");
        EXPECT_EQ(num_files(), 1U);
        std::filesystem::remove(path_);
    }
}

TEST_F(CommitFault, OfSyncingTheFolderTakesANewNameBack) {
    std::optional<Error> const failure =
        commit({.call = "fsync", .fatal_number = 2, .error_number = EIO}, "new", IfExists::kRefuse);
    ASSERT_TRUE(failure.has_value());
    EXPECT_THAT(failure->what(), HasSubstr("cannot sync folder"));
    EXPECT_EQ(num_files(), 0U);
    EXPECT_FALSE(commit({}, "again", IfExists::kRefuse).has_value());
}

TEST_F(CommitFault, OfSyncingTheFolderLeavesAWholeReplacement) {
    write_durably(path_, "old", IfExists::kRefuse);
    EXPECT_TRUE(commit({.call = "fsync", .fatal_number = 2, .error_number = EIO}, "new", IfExists::kReplace)
                    .has_value());
    EXPECT_EQ(read_text_file(path_), "new");
    EXPECT_EQ(num_files(), 1U);
}

TEST(OutputLockFault, OfWritingTheLockIsReportedAndLeavesNoLock) {
    TempDir const dir;
    FaultPlan plan{.call = "write",
                   .fatal_number = 1,
                   .error_number = ENOSPC,
                   .folder = (dir / ".ctclip.lock").string()};
    arm_faults(&plan);
    EXPECT_THAT([&] { OutputLock(dir.path(), "a"); },
                testing::ThrowsMessage<Error>(HasSubstr("No space left on device")));
    arm_faults(nullptr);
    EXPECT_TRUE(plan.has_fired);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(OutputLockFault, AShortWriteIsCompleted) {
    TempDir const dir;
    FaultPlan plan{.call = "write",
                   .fatal_number = 1,
                   .kind = FaultKind::kShortWrite,
                   .folder = (dir / ".ctclip.lock").string()};
    arm_faults(&plan);
    OutputLock const lock(dir.path(), "a");
    arm_faults(nullptr);
    EXPECT_TRUE(plan.has_fired);
    EXPECT_NO_THROW(lock.require_held());
}

}  // namespace
}  // namespace ctclip
