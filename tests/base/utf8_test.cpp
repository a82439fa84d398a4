#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/splitmix64.hpp"
#include "text/json_lines.hpp"

namespace ctclip {
namespace {

TEST(Utf8, FindsTheFirstInvalidByte) {
    EXPECT_EQ(invalid_utf8_offset(""), std::string_view::npos);
    EXPECT_EQ(invalid_utf8_offset("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\xAB\x81"), std::string_view::npos);
    EXPECT_EQ(invalid_utf8_offset("\xF4\x8F\xBF\xBF"), std::string_view::npos);
    EXPECT_EQ(invalid_utf8_offset("ab\xFF"), 2U);
    EXPECT_EQ(invalid_utf8_offset("\xC3"), 0U) << "cut off";
    EXPECT_EQ(invalid_utf8_offset("\xC0\x80"), 0U) << "overlong";
    EXPECT_EQ(invalid_utf8_offset("\xE0\x80\xAF"), 0U) << "overlong";
    EXPECT_EQ(invalid_utf8_offset("x\xED\xA0\x80"), 1U) << "surrogate";
    EXPECT_EQ(invalid_utf8_offset("\xF4\x90\x80\x80"), 0U) << "above U+10FFFF";
    EXPECT_EQ(invalid_utf8_offset("\xBF"), 0U) << "continuation without a lead";
}

TEST(Utf8, DecodesIllFormedTextAsPython) {
    for (nlohmann::json const& row : read_json_lines("invalid_utf8.jsonl")) {
        std::string const bytes = bytes_of_hex(row.at("bytes_hex"));
        std::string text;
        for (char32_t const character : decode_utf8_lossy(bytes)) {
            append_utf8(text, character);
        }
        EXPECT_EQ(text, row.at("text").get<std::string>()) << row.at("id");
    }
}

TEST(Utf8, EveryScalarValueSurvivesARoundTrip) {
    std::u32string characters;
    std::string text;
    for (char32_t character = 0; character < 0x110000; ++character) {
        if (character < 0xD800 || character > 0xDFFF) {
            characters.push_back(character);
            append_utf8(text, character);
        }
    }
    EXPECT_TRUE(decode_utf8_lossy(text) == characters);
}

TEST(Utf8, RandomBytesNeitherFailNorLoseAscii) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::string bytes;
        for (std::uint64_t index = 0; index < 300; ++index) {
            bytes.push_back(static_cast<char>(splitmix64(seed, index)));
        }
        auto const is_ascii = [](auto c) { return static_cast<std::uint32_t>(c) < 0x80; };
        std::u32string const decoded = decode_utf8_lossy(bytes);
        EXPECT_EQ(std::count_if(decoded.begin(), decoded.end(), is_ascii),
                  std::count_if(bytes.begin(), bytes.end(), [](char c) { return c >= 0; }));
    }
}

}  // namespace
}  // namespace ctclip
