#include "convert/volume_scan.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::ElementsAre;
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
    auto const volumes = scan_volumes(dir.path()).volumes;
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
    EXPECT_EQ(scan_volumes(dir.path()).volumes.size(), 1U);
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
    std::filesystem::create_symlink(std::string(300, 'x'), dir / "a/train_2_a_1.npz");  // no file can have such a name
    EXPECT_THAT([&] { scan_volumes(dir.path()); },
                ThrowsMessage<Error>(HasSubstr("cannot look at " + (dir / "a/train_2_a_1.npz").string())));
}

TEST(ScanVolumes, NamesWhatIsNoFileThoughItIsNamedLikeAVolume) {
    TempDir const dir;
    touch(dir / "a/train_1_a_1.npz");
    std::filesystem::create_directories(dir / "a/folder.nii.gz");
    std::filesystem::create_symlink("nowhere", dir / "dangling.npz");
    std::filesystem::create_symlink("circle.nii", dir / "circle.nii");
    ::mkfifo((dir / "fifo.npz").c_str(), 0600);
    std::filesystem::create_symlink("/dev/null", dir / "null.npz");
    VolumeScan const scan = scan_volumes(dir.path());
    EXPECT_EQ(scan.volumes.size(), 1U);
    std::vector<std::string> found;
    for (PassedOver const& it : scan.passed_over) {
        found.push_back(fmt::format("{} ({}): {}", it.path, it.study_id, it.kind));
    }
    EXPECT_THAT(found,
                ElementsAre("a/folder.nii.gz (folder): a folder", "circle.nii (circle): a symbolic link to nothing",
                            "dangling.npz (dangling): a symbolic link to nothing", "fifo.npz (fifo): a FIFO",
                            "null.npz (null): a device"));
    EXPECT_EQ(list_start(scan.passed_over),
              "a/folder.nii.gz (a folder), circle.nii (a symbolic link to nothing), "
              "dangling.npz (a symbolic link to nothing), ...");
}

TEST(ScanVolumes, NamesALinkOfAnyNameToNothing) {
    TempDir const dir;
    std::filesystem::create_symlink("/not/mounted", dir / "batch_7");  // volumes may be behind it
    VolumeScan const scan = scan_volumes(dir.path());
    ASSERT_EQ(scan.passed_over.size(), 1U);
    EXPECT_EQ(scan.passed_over[0].path, "batch_7");
}

TEST(ScanVolumes, FindsAVolumeInAFolderOfItsName) {
    TempDir const dir;
    touch(dir / "train_1_a_1.nii/train_1_a_1.nii");
    VolumeScan const scan = scan_volumes(dir.path());
    EXPECT_EQ(scan.volumes.size(), 1U);
    EXPECT_TRUE(scan.passed_over.empty());
}

TEST(ScanVolumes, RefusesALinkThatLeadsBack) {
    for (char const* const target : {".", "..", "../b"}) {
        TempDir const dir;
        touch(dir / "top/a/train_1_a_1.npz");
        std::filesystem::create_directories(dir / "top/b");
        std::filesystem::create_directory_symlink("../a", dir / "top/b/to_a");
        std::filesystem::create_directory_symlink(target, dir / "top/a/back");
        EXPECT_THAT(
            [&] { scan_volumes(dir / "top/"); },
            ThrowsMessage<Error>(AllOf(HasSubstr((dir / "top").string()), HasSubstr("this symbolic link leads back to"),
                                       HasSubstr("Remove the link"))))
            << target;
    }
}

TEST(ScanVolumes, NamesAFolderThatIsMissing) {
    TempDir const dir;
    EXPECT_THAT([&] { scan_volumes(dir / "none"); }, ThrowsMessage<Error>(HasSubstr("none: no such folder")));
}

}  // namespace
}  // namespace ctclip
