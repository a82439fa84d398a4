#include "convert/volume_scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

void touch(std::filesystem::path const& path) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "x";
}

TEST(ScanVolumes, FindsNpzFilesAtAnyDepthByStudy) {
    TempDir const dir;
    touch(dir / "a/b/c/train_2_a_1.npz");
    touch(dir / "train_10_a_1.npz");
    touch(dir / "a/train_1_a_1.npz");
    touch(dir / "a/notes.txt");
    touch(dir / "a/.hidden.npz");
    touch(dir / ".snapshot/train_1_a_1.npz");
    auto const volumes = scan_volumes(dir.path());
    ASSERT_EQ(volumes.size(), 3U);
    EXPECT_EQ(volumes[0].study_id, "train_10_a_1");
    EXPECT_EQ(volumes[1].path, "a/train_1_a_1.npz");
    EXPECT_EQ(volumes[2].path, "a/b/c/train_2_a_1.npz");
    EXPECT_EQ(volumes[2].size_bytes, 1U);
}

TEST(ScanVolumes, FollowsLinksToFolders) {
    TempDir const dir;
    TempDir const elsewhere;
    touch(elsewhere / "train_1_a_1.npz");
    std::filesystem::create_directory_symlink(elsewhere.path(), dir / "linked");
    EXPECT_EQ(scan_volumes(dir.path()).size(), 1U);
}

TEST(ScanVolumes, RefusesTwoVolumesOfOneStudy) {
    TempDir const dir;
    touch(dir / "a/train_1_a_1.npz");
    touch(dir / "b/train_1_a_1.npz");
    EXPECT_THAT([&] { scan_volumes(dir.path()); },
                ThrowsMessage<Error>(HasSubstr("two volumes of one study")));
}

TEST(ScanVolumes, RefusesANameThatIsNotUtf8) {
    TempDir const dir;
    touch(dir / "caf\xE9/train_1_a_1.npz");
    EXPECT_THAT([&] { scan_volumes(dir.path()); },
                ThrowsMessage<Error>(AllOf(HasSubstr("caf\\xe9/train_1_a_1.npz"), HasSubstr("is not UTF-8"))));
}

TEST(ScanVolumes, NamesWhatItCannotLookAt) {
    TempDir const dir;
    touch(dir / "a/train_1_a_1.npz");
    std::filesystem::create_symlink("loop.npz", dir / "a/loop.npz");
    EXPECT_THAT([&] { scan_volumes(dir.path()); },
                ThrowsMessage<Error>(HasSubstr("cannot look at " + (dir / "a/loop.npz").string())));
}

TEST(ScanVolumes, NamesAFolderThatIsMissing) {
    TempDir const dir;
    EXPECT_THAT([&] { scan_volumes(dir / "none"); }, ThrowsMessage<Error>(HasSubstr("none: no such folder")));
}

}  // namespace
}  // namespace ctclip
