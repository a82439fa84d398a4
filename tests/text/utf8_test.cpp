#include "text/utf8.hpp"

#include <gtest/gtest.h>

#include "base/splitmix64.hpp"
#include "text/json_lines.hpp"

namespace ctclip {
namespace {

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
