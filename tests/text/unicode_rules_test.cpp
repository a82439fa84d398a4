// The compiled table against the measured one, over all code points.
#include "text/unicode_rules.hpp"

#include <gtest/gtest.h>

#include "text/json_lines.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kNumCodePoints = 0x110000;

char32_t code_point(std::string const& hex) {
    return static_cast<char32_t>(std::stoul(hex, nullptr, 16));
}

std::vector<bool> members(nlohmann::json const& ranges) {
    std::vector<bool> is_member(kNumCodePoints, false);
    for (nlohmann::json const& range : ranges) {
        for (char32_t character = code_point(range[0]); character <= code_point(range[1]); ++character) {
            is_member[character] = true;
        }
    }
    return is_member;
}

TEST(UnicodeRules, EqualTheMeasuredTableOverAllCodePoints) {
    auto const table = nlohmann::json::parse(read_text_file(text_data("unicode_table.json")));
    std::vector<bool> const removed = members(table.at("removed"));
    std::vector<bool> const space = members(table.at("space"));
    std::vector<bool> const cjk = members(table.at("cjk"));
    std::vector<bool> const punctuation = members(table.at("punctuation"));
    std::size_t num_wrong = 0;
    for (char32_t character = 0; character < kNumCodePoints; ++character) {
        bool const is_right =
            is_removed(character) == removed[character] && is_space(character) == space[character] &&
            is_cjk(character) == cjk[character] && is_punctuation(character) == punctuation[character];
        num_wrong += is_right ? 0 : 1;
    }
    EXPECT_EQ(num_wrong, 0U);
}

TEST(UnicodeRules, FoldEveryCodePointAsTheMeasuredTable) {
    auto const table = nlohmann::json::parse(read_text_file(text_data("unicode_table.json")));
    std::vector<std::u32string> expected(kNumCodePoints);
    for (char32_t character = 0; character < kNumCodePoints; ++character) {
        expected[character] = character;
    }
    for (auto const& [source, targets] : table.at("mapping").items()) {
        std::u32string& folded = expected[code_point(source)];
        folded.clear();
        std::istringstream words(targets.get<std::string>());
        for (std::string word; words >> word;) {
            folded.push_back(code_point(word));
        }
    }
    std::size_t num_wrong = 0;
    for (char32_t character = 0; character < kNumCodePoints; ++character) {
        bool const is_hangul = character >= 0xAC00 && character <= 0xD7A3;
        std::u32string folded;
        append_folded(folded, character);
        num_wrong += is_hangul || folded == expected[character] ? 0 : 1;
    }
    EXPECT_EQ(num_wrong, 0U);
}

TEST(UnicodeRules, DecomposeHangulSyllablesByFormula) {
    std::u32string folded;
    append_folded(folded, U'\uD55C');  // HAN: three jamo
    append_folded(folded, U'\uAC00');  // GA: two
    EXPECT_EQ(folded, U"\u1112\u1161\u11AB\u1100\u1161");
}

}  // namespace
}  // namespace ctclip
