// The ways to decode a member against zlib: libdeflate in one buffer, ISA-L piece by piece.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/splitmix64.hpp"
#include "npz/half_volume.hpp"
#include "npz/npz_writer.hpp"
#include "support/temp_dir.hpp"
#include "zip/zip_directory.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

fs::path const kData = fs::path(CTCLIP_TEST_DATA) / "npz";

std::vector<std::byte> take_pieces(NpzReader& reader) {
    std::vector<std::byte> voxels;
    reader.decode_in_pieces(
        [&](std::span<std::byte const> piece) { voxels.insert(voxels.end(), piece.begin(), piece.end()); });
    return voxels;
}

std::vector<std::byte> in_pieces(NpzReader& reader, fs::path const& path) {
    reader.open(path);
    return take_pieces(reader);
}

/// As conversion decodes: inflated first, checked in pieces.
std::vector<std::byte> inflated_in_pieces(NpzReader& reader, fs::path const& path) {
    reader.open(path);
    reader.inflate();
    return take_pieces(reader);
}

/// The exit code that decoding the file so ends with; nothing if it is read.
template <class Decode>
std::optional<ExitCode> refusal(Decode const& decode) {
    try {
        decode();
        return std::nullopt;
    } catch (Error const& error) {
        return error.code();
    }
}

/// The only member's content, by zlib.
std::vector<std::byte> by_zlib(fs::path const& path) {
    std::vector<std::byte> const file = read_file(path);
    FileDescriptor const descriptor = open_for_reading(path);
    ZipMember const member = read_zip_directory(descriptor, path, file.size()).at(0);
    std::vector<std::byte> content(member.uncompressed_bytes);
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, -MAX_WBITS), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(file.data())) + member.data_offset;
    stream.avail_in = static_cast<uInt>(member.compressed_bytes);
    stream.next_out = reinterpret_cast<Bytef*>(content.data());
    stream.avail_out = static_cast<uInt>(content.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    return content;
}

TEST(Decoders, AgreeOnEveryCleanGoldenFile) {
    NpzReader reader;
    auto const entries = nlohmann::json::parse(read_text_file(kData / "clean" / "expected.json"));
    ASSERT_EQ(entries.size(), 48);
    for (nlohmann::json const& entry : entries) {
        fs::path const path = kData / "clean" / entry.at("file").get<std::string>();
        SCOPED_TRACE(path.string());
        std::vector<std::byte> const pieces = in_pieces(reader, path);
        EXPECT_EQ(inflated_in_pieces(reader, path), pieces);
        EXPECT_TRUE(std::ranges::equal(pieces, reader.read(path).bytes()));
    }
}

TEST(Decoders, RefuseTheSameDamagedGoldenFiles) {
    NpzReader reader;
    auto const entries = nlohmann::json::parse(read_text_file(kData / "damaged" / "expected.json"));
    ASSERT_EQ(entries.size(), 89);
    for (nlohmann::json const& entry : entries) {
        fs::path const path = kData / "damaged" / entry.at("file").get<std::string>();
        std::optional<ExitCode> const expected = refusal([&] { reader.read(path); });
        EXPECT_EQ(refusal([&] { in_pieces(reader, path); }), expected) << path;
        EXPECT_EQ(refusal([&] { inflated_in_pieces(reader, path); }), expected) << path;
    }
}

/// Larger than a piece, so that matches reach across the borders of pieces and of what is read at a time.
TEST(Decoders, GiveWhatZlibGivesWhereverPiecesEnd) {
    TempDir const dir;
    NpzReader reader;
    for (std::int64_t const size_z : {1, 31, 32, 33, 401}) {
        std::vector<double> voxels(static_cast<std::size_t>(64 * 16 * size_z));
        for (std::size_t i = 0; i < voxels.size(); ++i) {
            voxels[i] = static_cast<double>(splitmix64(1, i) % 300);
        }
        fs::path const path = dir / fmt::format("{}.npz", size_z);
        write_npz(path, "data", DType::kF64, {64, 16, size_z}, {.compression = NpzCompression::kDeflated},
                  std::as_bytes(std::span(voxels)));
        std::vector<std::byte> const expected = by_zlib(path);
        NpzArray const& whole = reader.read(path);
        EXPECT_TRUE(std::ranges::equal(whole.member.bytes(), expected));
        std::vector<std::byte> const pieces = in_pieces(reader, path);
        EXPECT_TRUE(std::ranges::equal(pieces, std::span(expected).subspan(expected.size() - pieces.size())));
        EXPECT_EQ(pieces.size(), voxels.size() * sizeof(double));
        EXPECT_EQ(reader.file_crc32c(), crc32c(read_file(path)));
    }
}

TEST(Decoders, NoBitFlipPassesPieceByPiece) {
    TempDir const dir;
    std::vector<std::byte> const voxels(2 * 3 * 4 * 2, std::byte{7});
    write_npz(dir / "good.npz", "data", DType::kI16, {2, 3, 4}, {.compression = NpzCompression::kDeflated}, voxels);
    std::string const good = read_text_file(dir / "good.npz");
    NpzReader reader;
    int num_refused = 0;
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        std::ofstream(dir / "bad.npz", std::ios::binary) << bad;
        try {
            EXPECT_EQ(in_pieces(reader, dir / "bad.npz"), voxels) << "bit " << bit;
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::kBadInput) << "bit " << bit;
            ++num_refused;
        }
    }
    EXPECT_GT(num_refused, 0);
}

/// The words get into a shard's index where the volume is quarantined: they must not depend on the decoder.
TEST(Decoders, SayTheSameOfEveryFlippedBit) {
    TempDir const dir;
    std::vector<float> voxels(30 * 20 * 10);
    for (std::size_t i = 0; i < voxels.size(); ++i) {
        voxels[i] = static_cast<float>(splitmix64(2, i) % 50);
    }
    write_npz(dir / "good.npz", "data", DType::kF32, {30, 20, 10}, {.compression = NpzCompression::kDeflated},
              std::as_bytes(std::span(voxels)));
    std::string const good = read_text_file(dir / "good.npz");
    NpzReader reader;
    auto const words = [&](auto const& decode) -> std::string {
        try {
            decode();
            return "";
        } catch (Error const& error) {
            return error.what();
        }
    };
    std::set<std::string> all;
    for (std::size_t trial = 0; trial < 3000; ++trial) {
        std::string bad = good;
        std::size_t const bit = splitmix64(3, trial) % (8 * good.size());
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        std::ofstream(dir / "bad.npz", std::ios::binary) << bad;
        std::string const of_whole = words([&] { reader.read(dir / "bad.npz"); });
        ASSERT_EQ(words([&] { in_pieces(reader, dir / "bad.npz"); }), of_whole) << "bit " << bit;
        ASSERT_EQ(words([&] { inflated_in_pieces(reader, dir / "bad.npz"); }), of_whole) << "bit " << bit;
        all.insert(of_whole);
    }
    EXPECT_GT(all.size(), 2U) << "the streams that are damaged, and those that only the CRC-32 betrays";
}

TEST(NpzReader, GivesBackWhatALargerVolumeTook) {
    TempDir const dir;
    std::vector<std::byte> const voxels(64 * 64 * 600 * 2, std::byte{7});
    write_npz(dir / "large.npz", "data", DType::kI16, {64, 64, 600}, {.compression = NpzCompression::kStored}, voxels);
    write_npz(dir / "small.npz", "data", DType::kI16, {2, 3, 4}, {.compression = NpzCompression::kDeflated},
              std::span(voxels).first(48));
    NpzReader reader;
    reader.read(dir / "large.npz");
    reader.open(dir / "small.npz");
    EXPECT_GE(reader.bytes_held_by_whole(), voxels.size());
    reader.release_memory();
    EXPECT_LT(reader.bytes_held_by_whole(), voxels.size() / 100);
    EXPECT_TRUE(std::ranges::equal(take_pieces(reader), std::span(voxels).first(48)));
}

}  // namespace
}  // namespace ctclip
