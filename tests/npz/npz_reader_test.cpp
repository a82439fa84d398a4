#include "npz/npz_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "npz/half_volume.hpp"
#include "npz/npz_writer.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::filesystem::path const kData = std::filesystem::path(CTCLIP_TEST_DATA) / "npz";

nlohmann::json expectations(std::string const& folder) {
    return nlohmann::json::parse(read_text_file(kData / folder / "expected.json"));
}

HalfVolume read_half(std::filesystem::path const& path) {
    NpzArray const array = read_npz(path);
    HalfVolume volume = to_half(array);
    require_finite_halves(volume.statistics, volume.shape, path);
    return volume;
}

std::string digest_of(HalfVolume const& volume) {
    return sha256_hex(std::as_bytes(std::span(volume.halves)));
}

/// The bits that numpy delivers for a damaged file, if it delivers any.
std::optional<std::string> numpy_digest(nlohmann::json const& entry) {
    std::string const outcome = entry.at("numpy");
    std::size_t const position = outcome.find("fp16 sha256 ");
    return position == std::string::npos ? std::nullopt : std::optional(outcome.substr(position + 12, 64));
}

/// The exit code that refusing the file gives; nothing if it is read.
std::optional<ExitCode> refusal(std::filesystem::path const& path) {
    try {
        read_half(path);
        return std::nullopt;
    } catch (Error const& error) {
        EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
        return error.code();
    }
}

/// A file in memory, for tests that read tens of thousands of variants.
class MemoryFile {
  public:
    explicit MemoryFile(std::vector<std::byte> const& content)
        : file_(::memfd_create("variant.npz", MFD_CLOEXEC)) {
        write(0, content);
    }
    std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", file_.get()); }
    void write(std::size_t offset, std::span<std::byte const> bytes) {
        ssize_t const written = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        ASSERT_EQ(written, static_cast<ssize_t>(bytes.size()));
    }
    void cut_to(std::size_t size) { ASSERT_EQ(::ftruncate(file_.get(), static_cast<off_t>(size)), 0); }

  private:
    FileDescriptor file_;
};

std::vector<std::byte> const kTinyVoxels(2 * 3 * 4 * 2, std::byte{7});

std::vector<std::byte> tiny_npz(NpzCompression compression) {
    TempDir const folder;
    write_npz(folder / "tiny.npz", "data", DType::kI16, {2, 3, 4}, {.compression = compression}, kTinyVoxels);
    return read_file(folder / "tiny.npz");
}

}  // namespace

TEST(NpzReader, ReadsEveryCleanGoldenFileAsNumpyDoes) {
    nlohmann::json const entries = expectations("clean");
    ASSERT_EQ(entries.size(), 48);
    NpzReader reader;  // one for all: buffers are reused across files
    for (nlohmann::json const& entry : entries) {
        std::string const file = entry.at("file");
        SCOPED_TRACE(file);
        NpzArray const& array = reader.read(kData / "clean" / file);
        HalfVolume const volume = to_half(array);
        EXPECT_EQ(array.key, entry.at("key"));
        EXPECT_EQ(array.shape, entry.at("shape").get<Shape>());
        EXPECT_EQ(array.is_fortran_order, entry.at("fortran_order"));
        EXPECT_EQ(digest_of(volume), entry.at("fp16_sha256"));
        EXPECT_EQ(volume.statistics.min, entry.at("min"));
        EXPECT_EQ(volume.statistics.max, entry.at("max"));
        EXPECT_EQ(volume.statistics.num_inexact, entry.at("inexact_voxels"));
        EXPECT_EQ(volume.statistics.worst_abs_error, entry.at("worst_abs_error"));
    }
}

TEST(NpzReader, PeeksAtWhatItThenReads) {
    NpzReader reader;
    for (nlohmann::json const& entry : expectations("clean")) {
        std::filesystem::path const path = kData / "clean" / entry.at("file").get<std::string>();
        SCOPED_TRACE(path);
        VolumeSummary const summary = reader.peek(path);
        NpzArray const& array = reader.read(path);
        EXPECT_EQ(summary.type, array.type);
        EXPECT_EQ(summary.shape, array.shape);
        EXPECT_EQ(summary.array_bytes(), array.bytes().size());
        EXPECT_TRUE(summary.crc32.has_value());
    }
}

/// Noise, so that nothing can be said of the voxels without reading them.
TEST(NpzReader, PeeksWithoutReadingVoxels) {
    for (NpzCompression const compression : {NpzCompression::kStored, NpzCompression::kDeflated}) {
        std::vector<std::byte> noise(100 * 100 * 100 * 2);
        for (std::size_t i = 0; i < noise.size(); ++i) {
            noise[i] = static_cast<std::byte>(i * i * i >> 8);
        }
        TempDir const folder;
        write_npz(folder / "noise.npz", "data", DType::kI16, {100, 100, 100}, {.compression = compression},
                  noise);
        std::vector<std::byte> content = read_file(folder / "noise.npz");
        std::fill(content.begin() + 200'000, content.end() - 1000, std::byte{0});
        MemoryFile const damaged(content);
        EXPECT_EQ(NpzReader().peek(damaged.path()).shape, (Shape{100, 100, 100}));
        EXPECT_THROW(NpzReader().read(damaged.path()), Error);
    }
}

TEST(NpzReader, TreatsEveryDamagedGoldenFileAsItsEntrySays) {
    nlohmann::json const entries = expectations("damaged");
    ASSERT_EQ(entries.size(), 89);
    for (nlohmann::json const& entry : entries) {
        std::string const file = entry.at("file");
        std::string const expect = entry.at("expect");
        SCOPED_TRACE(file);
        std::optional<ExitCode> const refused = refusal(kData / "damaged" / file);
        if (refused) {
            EXPECT_NE(expect, "read");
            EXPECT_EQ(*refused, ExitCode::kBadInput);
        } else {
            EXPECT_NE(expect, "refuse");
            EXPECT_EQ(digest_of(read_half(kData / "damaged" / file)), numpy_digest(entry));
        }
    }
}

TEST(NpzReader, UnderstandsZip64InEveryRecord) {
    NpzArray const array = read_npz(kData / "zip64_everywhere.npz");
    EXPECT_EQ(array.key, "volume");
    HalfVolume const volume = to_half(array);
    EXPECT_EQ(volume.statistics.max, 119.0);
}

TEST(NpzReader, RefusesEveryTruncation) {
    for (NpzCompression const compression : {NpzCompression::kStored, NpzCompression::kDeflated}) {
        std::vector<std::byte> const good = tiny_npz(compression);
        MemoryFile file(good);
        for (std::size_t size = good.size(); size-- > 0;) {
            file.cut_to(size);
            ASSERT_EQ(refusal(file.path()), ExitCode::kBadInput) << size << " of " << good.size() << " bytes";
        }
    }
}

// Some bits carry nothing (times, versions, attributes): a flip is found, or the voxels are untouched.
TEST(NpzReader, NoBitFlipChangesVoxelsSilently) {
    for (NpzCompression const compression : {NpzCompression::kStored, NpzCompression::kDeflated}) {
        std::vector<std::byte> const good = tiny_npz(compression);
        MemoryFile file(good);
        std::string const digest = digest_of(read_half(file.path()));
        std::size_t num_found = 0;
        for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
            std::byte const original = good[bit / 8];
            std::byte const flipped = original ^ static_cast<std::byte>(1U << bit % 8);
            file.write(bit / 8, {&flipped, 1});
            if (refusal(file.path())) {
                ++num_found;
            } else {
                ASSERT_EQ(digest_of(read_half(file.path())), digest) << "bit " << bit;
            }
            file.write(bit / 8, {&original, 1});
        }
        EXPECT_GT(num_found, good.size() * 8 / 2);
    }
}

TEST(NpzReader, AsksForAnotherTryIfTheFileChangesMeanwhile) {
    MemoryFile file(tiny_npz(NpzCompression::kStored));
    std::atomic<bool> is_done = false;
    std::jthread const writer([&] {
        std::byte const byte{0x50};
        while (!is_done) {
            file.write(0, {&byte, 1});
        }
    });
    std::optional<ExitCode> refused;
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!refused && std::chrono::steady_clock::now() < deadline) {
        refused = refusal(file.path());
    }
    is_done = true;
    EXPECT_EQ(refused, ExitCode::kTryAgain);
}

TEST(NpzReader, NamesTheKeysThatAreThere) {
    auto const path = kData / "damaged" / "key_missing.npz";
    EXPECT_THAT(
        [&] { read_npz(path); },
        ThrowsMessage<Error>(AllOf(HasSubstr(path.string()), HasSubstr("none of the arrays data, volume"),
                                   HasSubstr("the file holds: image"))));
    EXPECT_THAT([&] { read_npz(kData / "clean" / "savez_key_arr.npz", "volume"); },
                ThrowsMessage<Error>(HasSubstr("no array 'volume'; the file holds: arr")));
}

TEST(NpzReader, PrefersTheKeysInTheirOrder) {
    EXPECT_EQ(read_npz(kData / "damaged" / "two_known_keys.npz").key, "data");
}

TEST(NpzReader, SaysWhyItRefuses) {
    auto const refusing = [](std::string const& file) {
        return [file] { read_half(kData / "damaged" / file); };
    };
    EXPECT_THAT(refusing("crc_wrong_stored.npz"),
                ThrowsMessage<Error>(HasSubstr("member 'data.npy': CRC-32")));
    EXPECT_THAT(refusing("object_pickle_reduce.npz"),
                ThrowsMessage<Error>(HasSubstr("object array, which is refused")));
    EXPECT_THAT(refusing("shape_2d.npz"),
                ThrowsMessage<Error>(HasSubstr("2 axes [120, 8] (a CT volume has 3")));
    EXPECT_THAT(refusing("bomb_ratio.npz"),
                ThrowsMessage<Error>(HasSubstr("needs 1920 bytes, the member has 50")));
    EXPECT_THAT(refusing("duplicate_member.npz"),
                ThrowsMessage<Error>(HasSubstr("two members are named 'data.npy'")));
    EXPECT_THAT(refusing("encrypted_flag.npz"), ThrowsMessage<Error>(HasSubstr("encrypted")));
    EXPECT_THAT(
        refusing("value_nan_last.npz"),
        ThrowsMessage<Error>(HasSubstr("1 voxels are NaN and 0 lie beyond the range of float16 (+-65504); "
                                       "the first is voxel (11, 9, 7)")));
    EXPECT_FALSE(std::filesystem::exists("PICKLE_WAS_EXECUTED"));
}

TEST(NpzReader, LimitsTheSizeOfAnArray) {
    MemoryFile const file(tiny_npz(NpzCompression::kStored));
    EXPECT_NO_THROW(read_npz(file.path(), "auto", {.max_array_bytes = 48}));
    EXPECT_THAT([&] { read_npz(file.path(), "auto", {.max_array_bytes = 47}); },
                ThrowsMessage<Error>(HasSubstr("needs 48 bytes, at most 47 are accepted")));
}

TEST(NpzReader, SaysWhenThereIsNoFile) {
    EXPECT_THAT([] { read_npz("/nowhere/at_all.npz"); },
                ThrowsMessage<Error>(HasSubstr("/nowhere/at_all.npz")));
    TempDir const folder;
    EXPECT_EQ(refusal(folder.path()), ExitCode::kBadInput);
}

}  // namespace ctclip
