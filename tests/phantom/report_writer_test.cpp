#include "phantom/report_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/splitmix64.hpp"
#include "phantom/report_phrases.hpp"

namespace ctclip {
namespace {

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

/// All ways in which a sentence of ours denies something.
bool is_denial(std::string const& sentence) {
    std::string const text = " " + lower(sentence);
    for (char const* const word : {" no ", " not ", "without", "free of"}) {
        if (text.find(word) != std::string::npos) {
            return true;
        }
    }
    return false;
}

std::vector<std::string> sentences_of(std::string const& text) {
    std::vector<std::string> sentences;
    std::size_t begin = 0;
    while (begin < text.size()) {
        std::size_t const end = std::min(text.find(". ", begin), text.size());
        sentences.push_back(text.substr(begin, end - begin));
        begin = end + 2;
    }
    return sentences;
}

struct Mentions {
    bool is_stated = false;
    bool is_denied = false;
};

Mentions mentions_of(Sign sign, std::string const& text) {
    Mentions mentions;
    std::string const noun(phrases_of(sign).noun);
    for (std::string const& sentence : sentences_of(text)) {
        if (lower(sentence).find(noun) != std::string::npos) {
            // "Areas of low density without walls ..., consistent with emphysema" states.
            bool const denies =
                is_denial(sentence) && lower(sentence).find("consistent with") == std::string::npos;
            (denies ? mentions.is_denied : mentions.is_stated) = true;
        }
    }
    return mentions;
}

class ReportStyleTest : public testing::TestWithParam<ReportStyle> {};

TEST_P(ReportStyleTest, StatesEveryFindingAndDeniesOnlyWhatIsAbsent) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        SignSet const signs(splitmix64(77, seed) & splitmix64(78, seed) & ((1U << kNumSigns) - 1));
        Report const report = write_report(seed, signs, GetParam());
        for (std::size_t index = 0; index < kNumSigns; ++index) {
            auto const sign = static_cast<Sign>(index);
            Mentions const mentions = mentions_of(sign, report.findings);
            EXPECT_EQ(mentions.is_stated, signs[index]) << name_of(sign) << ": " << report.findings;
            EXPECT_FALSE(mentions.is_denied && signs[index]) << name_of(sign) << ": " << report.findings;
            EXPECT_EQ(mentions_of(sign, report.impressions).is_stated, signs[index]) << report.impressions;
        }
    }
}

TEST_P(ReportStyleTest, VariesItsWords) {
    SignSet const signs = SignSet().set(index_of(Sign::kLungNodule));
    std::set<std::string> findings;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        findings.insert(write_report(seed, signs, GetParam()).findings);
    }
    EXPECT_GT(findings.size(), 20U);
}

TEST_P(ReportStyleTest, NeverLeavesFindingsEmpty) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        EXPECT_THAT(write_report(seed, {}, GetParam()).findings, testing::EndsWith("."));
        EXPECT_THAT(write_report(seed, {}, GetParam()).impressions, testing::EndsWith("."));
    }
}

TEST_P(ReportStyleTest, UsesOnlyListedSentences) {
    std::vector<std::string> const listed = all_report_sentences(GetParam());
    std::set<std::string> const known(listed.begin(), listed.end());
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        SignSet const signs(splitmix64(79, seed) & splitmix64(80, seed) & ((1U << kNumSigns) - 1));
        Report const report = write_report(seed, signs, GetParam());
        for (std::string const& sentence : sentences_of(report.findings + " " + report.impressions)) {
            bool const ends_itself = sentence.ends_with('.');
            std::string const whole = ends_itself ? sentence : sentence + ".";
            EXPECT_TRUE(known.contains(whole) || whole == "Not given.") << sentence;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Styles, ReportStyleTest, testing::Values(ReportStyle::kShort, ReportStyle::kLong),
                         [](testing::TestParamInfo<ReportStyle> const& tested) {
                             return tested.param == ReportStyle::kShort ? "Short" : "Long";
                         });

TEST(ReportWriter, LongReportsAreLonger) {
    std::size_t short_bytes = 0;
    std::size_t long_bytes = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        short_bytes += write_report(seed, {}, ReportStyle::kShort).findings.size();
        long_bytes += write_report(seed, {}, ReportStyle::kLong).findings.size();
    }
    EXPECT_GT(long_bytes, 3 * short_bytes);
}

}  // namespace
}  // namespace ctclip
