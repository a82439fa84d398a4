#include "checkpoint/safetensors_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "checkpoint/example_state.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

void write_raw(std::filesystem::path const& path, std::string const& header, std::string const& data) {
    std::uint64_t const length = header.size();
    std::string content(reinterpret_cast<char const*>(&length), sizeof length);
    write_durably(path, content + header + data, IfExists::kReplace);
}

TEST(Safetensors, GivesBackEveryDtypeShapeAndByte) {
    TempDir const dir;
    NamedArrays const written{
        {"double", make_array<double>(DType::kF64, {2}, {-0.0, 5e-324})},
        {"half", make_array<std::uint16_t>(DType::kF16, {1, 3}, {0x7E01, 0x8000, 0x0001})},
        {"ids", make_array<std::int64_t>(DType::kI64, {1, 2}, {-1, 1LL << 40})},
        {"flags", make_array<std::uint8_t>(DType::kBool, {3}, {0, 1, 1})},
        {"scalar", make_array<float>(DType::kF32, {}, {1.5F})},
        {"null_kv", make_array<float>(DType::kF32, {8, 0, 32}, {})},
        {"also_empty", make_array<float>(DType::kF32, {0}, {})}};
    StringMap const metadata{{"format", "pt"}, {"note", "Größe \"1\"\n"}};

    write_safetensors(dir / "x.safetensors", written, metadata);

    NamedArrays const read = read_safetensors(dir / "x.safetensors");
    EXPECT_EQ(read_safetensors_metadata(dir / "x.safetensors"), metadata);
    ASSERT_EQ(read.size(), written.size());
    for (auto const& [name, array] : written) {
        EXPECT_EQ(read.at(name).type, array.type) << name;
        EXPECT_EQ(read.at(name).shape, array.shape) << name;
        EXPECT_EQ(read.at(name).bytes, array.bytes) << name;
    }
}

TEST(Safetensors, AlignsTheDataToEightBytes) {
    TempDir const dir;
    for (char const* name : {"a", "ab", "abc", "abcdefgh"}) {
        write_safetensors(dir / "x.safetensors", {{name, make_array<std::uint8_t>(DType::kU8, {1}, {7})}}, {},
                          IfExists::kReplace);
        EXPECT_EQ((std::filesystem::file_size(dir / "x.safetensors") - 1) % 8, 0U);
    }
}

TEST(Safetensors, RefusesToWriteWhatItWouldNotRead) {
    TempDir const dir;
    Array const one = make_array<std::uint8_t>(DType::kU8, {1}, {7});
    auto const write = [&](NamedArrays const& arrays) { write_safetensors(dir / "x.safetensors", arrays); };
    EXPECT_THAT([&] { write({}); }, ThrowsMessage<Error>(HasSubstr("no tensor was given")));
    EXPECT_THAT([&] { write({{"", one}}); }, ThrowsMessage<Error>(HasSubstr("name is empty")));
    EXPECT_THAT([&] { write({{"a\nb", one}}); }, ThrowsMessage<Error>(HasSubstr("control character")));
    EXPECT_THAT([&] { write({{"\xFF", one}}); }, ThrowsMessage<Error>(HasSubstr("not valid UTF-8")));
    EXPECT_THAT([&] { write({{"__metadata__", one}}); }, ThrowsMessage<Error>(HasSubstr("__metadata__")));
    EXPECT_THAT(
        [&] {
            write({{"a", Array{DType::kU8, {2}, one.bytes}}});
        },
        ThrowsMessage<Error>(HasSubstr("tensor a has 1 bytes, shape [2] needs 2")));
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Safetensors, NamesTheTensorWhoseBytesAreWrong) {
    TempDir const dir;
    std::filesystem::path const path = dir / "x.safetensors";
    write_raw(path, R"({"w":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}})", std::string(16, 'x'));
    EXPECT_THAT([&] { read_safetensors(path); },
                ThrowsMessage<Error>(HasSubstr("tensor w: shape [5] needs 20 bytes, data_offsets give 16")));
    write_raw(path, R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[4,20]}})", std::string(20, 'x'));
    EXPECT_THAT([&] { read_safetensors(path); },
                ThrowsMessage<Error>(HasSubstr("bytes 0 to 4 belong to no tensor")));
}

}  // namespace
}  // namespace ctclip
