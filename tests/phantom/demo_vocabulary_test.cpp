// configs/demo_vocab.txt holds every word that phantoms' reports and the prompts use: nothing the demo's
// model reads is [UNK] or in pieces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "evaluate/prompts.hpp"
#include "phantom/report_writer.hpp"
#include "study/study_table.hpp"
#include "text/vocabulary.hpp"
#include "text/wordpiece_tokenizer.hpp"

namespace ctclip {
namespace {

std::vector<std::string> everything_the_demo_reads() {
    std::vector<std::string> texts = {"Not given."};
    for (ReportStyle const style : {ReportStyle::kShort, ReportStyle::kLong}) {
        std::vector<std::string> const sentences = all_report_sentences(style);
        texts.insert(texts.end(), sentences.begin(), sentences.end());
    }
    std::vector<std::string> const labels(kAbnormalityNames.begin(), kAbnormalityNames.end());
    for (char const* const set : {"there_is", "is_present"}) {
        for (PromptPair const& prompt : make_prompts(set, labels)) {
            texts.push_back(prompt.positive);
            texts.push_back(prompt.negative);
        }
    }
    return texts;
}

TEST(DemoVocabulary, HoldsEveryWordOfReportsAndPrompts) {
    WordPieceTokenizer const tokenizer(
        Vocabulary::load(std::filesystem::path(CTCLIP_TEST_DATA) / "../../configs/demo_vocab.txt"));
    for (std::string const& text : everything_the_demo_reads()) {
        std::vector<std::int32_t> const ids = tokenizer.encode(text, 64).ids;
        EXPECT_THAT(ids, testing::Not(testing::Contains(tokenizer.vocabulary().unknown_id()))) << text;
        EXPECT_EQ(ids.size(), split_into_words(text).size() + 2) << "a word in pieces: " << text;
    }
}

}  // namespace
}  // namespace ctclip
