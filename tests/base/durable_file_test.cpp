#include "base/durable_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "base/error.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

std::size_t num_entries(std::filesystem::path const& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(DurableFile, IsAbsentUntilCommittedThenWholeAndAlone) {
    TempDir const dir;
    DurableFile file(dir / "a.txt");
    file.write("hello");
    EXPECT_FALSE(std::filesystem::exists(dir / "a.txt"));
    file.commit();
    EXPECT_EQ(read_text_file(dir / "a.txt"), "hello");
    EXPECT_EQ(num_entries(dir.path()), 1U);
}

TEST(DurableFile, LeavesNothingWhenAbandoned) {
    TempDir const dir;
    { DurableFile(dir / "a.txt").write("half"); }
    EXPECT_EQ(num_entries(dir.path()), 0U);
}

TEST(DurableFile, NeverOverwritesAFinishedFileUnlessAsked) {
    TempDir const dir;
    write_durably(dir / "a.txt", "first", IfExists::kRefuse);
    EXPECT_THAT([&] { write_durably(dir / "a.txt", "second", IfExists::kRefuse); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("never overwritten")));
    EXPECT_EQ(read_text_file(dir / "a.txt"), "first");
    write_durably(dir / "a.txt", "third", IfExists::kReplace);
    EXPECT_EQ(read_text_file(dir / "a.txt"), "third");
    EXPECT_EQ(num_entries(dir.path()), 1U);
}

TEST(DurableFile, TellsItsDigestBeforeTheNameAppears) {
    TempDir const dir;
    DurableFile file(dir / "a.txt", IfExists::kRefuse, FileDigest::kFsVerity);
    file.write("hello");
    EXPECT_EQ(file.seal(), fsverity_sha256_hex(std::as_bytes(std::span(std::string_view("hello")))));
    EXPECT_FALSE(std::filesystem::exists(dir / "a.txt"));
    file.commit();
    EXPECT_EQ(read_text_file(dir / "a.txt"), "hello");
}

TEST(DurableFile, WritesFilesAroundItsBlockSizeWhole) {
    TempDir const dir;
    for (std::size_t const size : {kDirectBlockBytes - 1, kDirectBlockBytes, kDirectBlockBytes + 1,
                                   2 * kDirectBlockBytes, 3 * kDirectBlockBytes + 4097}) {
        std::string content(size, '\0');
        for (std::size_t i = 0; i < size; ++i) {
            content[i] = static_cast<char>(i * 31 + (i >> 12));
        }
        std::filesystem::path const path = dir / std::to_string(size);
        DurableFile file(path, IfExists::kRefuse, FileDigest::kFsVerity);
        for (std::size_t done = 0; done < size; done += 1'000'003) {
            file.write(std::string_view(content).substr(done, 1'000'003));
        }
        EXPECT_EQ(file.seal(), fsverity_sha256_hex(std::as_bytes(std::span(content))));
        file.commit();
        EXPECT_TRUE(read_text_file(path) == content) << size;
    }
}

/// Writes a file whose beginning is read back while the rest is written, and calls `meddle` with the file's temporary
/// name when some of it is with the kernel, but nothing has been read back.
void write_large(std::filesystem::path const& folder, std::function<void(std::filesystem::path const&)> const& meddle) {
    std::vector<std::byte> const mebibyte(std::size_t{1} << 20, std::byte{7});
    DurableFile file(folder / "a");
    for (std::size_t i = 0; i < 12; ++i) {
        file.write(mebibyte);
    }
    meddle(std::filesystem::directory_iterator(folder)->path());
    for (std::size_t i = 12; i < 80; ++i) {
        file.write(mebibyte);
    }
    file.commit();
}

TEST(DurableFile, ReadsTheBeginningOfALargeFileBackToo) {
    TempDir const dir;
    auto const flip_a_byte = [](std::filesystem::path const& path) {
        FileDescriptor const file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        std::byte const wrong{8};
        ASSERT_EQ(::pwrite(file.get(), &wrong, 1, 5), 1);
    };
    EXPECT_THAT([&] { write_large(dir.path(), flip_a_byte); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("what was read back differs from what was written")));
    EXPECT_EQ(num_entries(dir.path()), 0U);
    write_large(dir.path(), [](auto const&) {});
    EXPECT_EQ(std::filesystem::file_size(dir / "a"), std::size_t{80} << 20);
}

TEST(DurableFile, IsNotCommittedIfItsLargeTemporaryIsCutOrGone) {
    TempDir const dir;
    auto const outcome_after = [&](std::function<void(std::filesystem::path const&)> const& meddle) {
        try {
            write_large(dir.path(), meddle);
            return ExitCode::kDone;
        } catch (Error const& error) {
            return error.code();
        }
    };
    auto const append = [](std::filesystem::path const& path) {
        std::filesystem::resize_file(path, std::size_t{90} << 20);
    };
    EXPECT_EQ(outcome_after(append), ExitCode::kIoError);
    EXPECT_NE(outcome_after([](auto const& path) { std::filesystem::remove(path); }), ExitCode::kDone);
    EXPECT_EQ(num_entries(dir.path()), 0U);
}

TEST(DurableFile, HonoursTheUmask) {
    TempDir const dir;
    mode_t const old = ::umask(0027);
    write_durably(dir / "a.txt", "x", IfExists::kRefuse);
    ::umask(old);
    auto const mode = std::filesystem::status(dir / "a.txt").permissions();
    EXPECT_EQ(static_cast<unsigned>(mode), 0640U);
}

TEST(DurableFile, NamesTheFolderThatIsMissing) {
    TempDir const dir;
    EXPECT_THAT([&] { DurableFile file(dir / "none" / "a.txt"); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("none")));
}

TEST(SweepPartialFiles, RemovesOnlyLeftovers) {
    TempDir const dir;
    write_durably(dir / "kept.txt", "x", IfExists::kRefuse);
    write_durably(dir / ".a.tar.1.0.partial", "x", IfExists::kRefuse);
    EXPECT_EQ(sweep_partial_files(dir.path()), 1U);
    EXPECT_TRUE(std::filesystem::exists(dir / "kept.txt"));
}

}  // namespace
}  // namespace ctclip
