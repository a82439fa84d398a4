#include "npz/npz_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/splitmix64.hpp"
#include "npz/npz_reader.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {

namespace {

std::vector<std::byte> random_bytes(std::uint64_t seed, std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::byte>(splitmix64(seed, i) % 7);  // compressible
    }
    return bytes;
}

}  // namespace

TEST(NpzWriter, EveryTypeAndLayoutReadsBackAsWritten) {
    std::uint64_t seed = 0;
    for (DType const type : {DType::kF64, DType::kF32, DType::kF16, DType::kI32, DType::kI16, DType::kI8,
                             DType::kU16, DType::kU8}) {
        for (ArrayOrder const order : {ArrayOrder::kC, ArrayOrder::kFortran}) {
            for (ByteOrder const byte_order : {ByteOrder::kLittle, ByteOrder::kBig}) {
                for (NpzCompression const compression :
                     {NpzCompression::kStored, NpzCompression::kDeflated}) {
                    ++seed;
                    TempDir const folder;
                    Shape const shape{static_cast<std::int64_t>(1 + seed % 5), 7,
                                      static_cast<std::int64_t>(1 + seed % 3)};
                    auto const count = static_cast<std::size_t>(element_count(shape)) * item_size_bytes(type);
                    std::vector<std::byte> const bytes = random_bytes(seed, count);
                    write_npz(folder / "a.npz", "volume", type, shape,
                              {.order = order, .byte_order = byte_order, .compression = compression}, bytes);

                    NpzArray const array = read_npz(folder / "a.npz");
                    EXPECT_EQ(array.key, "volume");
                    EXPECT_EQ(array.type, type);
                    EXPECT_EQ(array.shape, shape);
                    EXPECT_EQ(array.is_fortran_order, order == ArrayOrder::kFortran);
                    EXPECT_EQ(array.is_big_endian,
                              byte_order == ByteOrder::kBig && item_size_bytes(type) > 1);
                    EXPECT_TRUE(
                        std::equal(bytes.begin(), bytes.end(), array.bytes().begin(), array.bytes().end()));
                }
            }
        }
    }
}

TEST(NpzWriter, StoredFileEqualsNumpysByteForByte) {
    TempDir const folder;
    std::vector<std::byte> const bytes = random_bytes(1, 2 * 3 * 4 * 2);
    write_npz(folder / "a.npz", "data", DType::kI16, {2, 3, 4}, {.compression = NpzCompression::kStored},
              bytes);
    std::vector<std::byte> const numpy =
        read_file(std::filesystem::path(CTCLIP_TEST_DATA) / "npz" / "numpy_savez_i16.npz");
    EXPECT_EQ(read_file(folder / "a.npz"), numpy);
}

TEST(NpzWriter, SameArgumentsGiveTheSameFile) {
    TempDir const folder;
    std::vector<std::byte> const bytes = random_bytes(2, 600);
    write_npz(folder / "a.npz", "data", DType::kU8, {10, 10, 6}, {}, bytes);
    write_npz(folder / "b.npz", "data", DType::kU8, {10, 10, 6}, {}, bytes);
    EXPECT_EQ(read_file(folder / "a.npz"), read_file(folder / "b.npz"));
}

TEST(NpzWriter, RefusesBytesThatDoNotFitTheShape) {
    TempDir const folder;
    EXPECT_THAT(
        [&] {
            write_npz(folder / "a.npz", "data", DType::kF32, {2, 3, 4}, {}, random_bytes(3, 95));
        },
        testing::ThrowsMessage<Error>(
            testing::HasSubstr("95 bytes for shape [2, 3, 4] of F32, which needs 96")));
    EXPECT_FALSE(std::filesystem::exists(folder / "a.npz"));
}

TEST(NpzWriter, NeverOverwrites) {
    TempDir const folder;
    write_npz(folder / "a.npz", "data", DType::kU8, {1, 1, 1}, {}, random_bytes(4, 1));
    EXPECT_THROW(write_npz(folder / "a.npz", "data", DType::kU8, {1, 1, 1}, {}, random_bytes(5, 1)), Error);
}

}  // namespace ctclip
