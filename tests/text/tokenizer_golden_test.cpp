// Every id equal to the Python reference (tokenizers, transformers).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "text/json_lines.hpp"
#include "text/wordpiece_tokenizer.hpp"

namespace ctclip {
namespace {

WordPieceTokenizer golden_tokenizer() {
    return WordPieceTokenizer(Vocabulary::load(text_data("vocab.txt")));
}

TEST(WordPieceTokenizer, EqualsTheReferenceOnEveryGoldenText) {
    WordPieceTokenizer const tokenizer = golden_tokenizer();
    std::vector<nlohmann::json> const cases = read_json_lines("cases.jsonl");
    ASSERT_GT(cases.size(), 900U);
    for (nlohmann::json const& row : cases) {
        TokenSequence const sequence = tokenizer.encode(row.at("text").get<std::string>(), 512);
        EXPECT_EQ(sequence.ids, row.at("ids").get<std::vector<std::int32_t>>()) << row.at("id");
        EXPECT_EQ(sequence.num_untruncated, row.at("n_full").get<std::size_t>()) << row.at("id");
    }
}

TEST(WordPieceTokenizer, ReadsIllFormedUtf8AsPythonsReplacement) {
    WordPieceTokenizer const tokenizer = golden_tokenizer();
    for (nlohmann::json const& row : read_json_lines("invalid_utf8.jsonl")) {
        TokenSequence const sequence = tokenizer.encode(bytes_of_hex(row.at("bytes_hex")), 512);
        EXPECT_EQ(sequence.ids, row.at("ids").get<std::vector<std::int32_t>>()) << row.at("id");
    }
}

TEST(WordPieceTokenizer, FindsSpecialTokensByNameWhereverTheyAre) {
    WordPieceTokenizer const tokenizer(
        Vocabulary::parse("lung\nnodule\n[SEP]\n[PAD]\n[CLS]\n##s\n[UNK]\n", "test vocabulary"));
    TokenSequence const sequence = tokenizer.encode("Lungs[SEP]nodule liver [MASK]", 512);
    // [MASK] is not in this vocabulary: ordinary text, three words.
    EXPECT_THAT(sequence.ids, testing::ElementsAre(4, 0, 5, 2, 1, 6, 6, 6, 6, 2));
}

TEST(WordPieceTokenizer, TruncatesToTheLengthAskedForAndKeepsBothEnds) {
    WordPieceTokenizer const tokenizer(
        Vocabulary::parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n", "test vocabulary"));
    TokenSequence const sequence = tokenizer.encode("a b a b a", 4);
    EXPECT_THAT(sequence.ids, testing::ElementsAre(2, 4, 5, 3));
    EXPECT_EQ(sequence.num_untruncated, 7U);
    EXPECT_THAT(tokenizer.encode("a b", 2).ids, testing::ElementsAre(2, 3));
    EXPECT_THAT([&] { tokenizer.encode("a", 1); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("max_length is 1")));
}

}  // namespace
}  // namespace ctclip
