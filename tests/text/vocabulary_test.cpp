#include "text/vocabulary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "text/json_lines.hpp"

namespace ctclip {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Vocabulary, NumbersLinesFromZeroAndDoesNotTrim) {
    Vocabulary const vocabulary = Vocabulary::parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\n a \n\n##b", "v");
    EXPECT_EQ(vocabulary.size(), 7U);
    EXPECT_EQ(vocabulary.find(" a "), 4);
    EXPECT_EQ(vocabulary.find("a"), std::nullopt);
    EXPECT_EQ(vocabulary.find(""), 5);
    EXPECT_EQ(vocabulary.find_continuation("b"), 6);
    EXPECT_EQ(vocabulary.find_continuation("a"), std::nullopt);
}

TEST(Vocabulary, FindsSpecialIdsOfTheGoldenVocabulary) {
    Vocabulary const vocabulary = Vocabulary::load(text_data("vocab.txt"));
    EXPECT_EQ(vocabulary.size(), 3000U);
    EXPECT_EQ(vocabulary.pad_id(), 0);
    EXPECT_EQ(vocabulary.unknown_id(), 1);
    EXPECT_EQ(vocabulary.start_id(), 2);
    EXPECT_EQ(vocabulary.separator_id(), 3);
}

TEST(Vocabulary, NamesWhatIsWrong) {
    EXPECT_THAT([] { Vocabulary::load("no_such_vocab.txt"); },
                ThrowsMessage<Error>(HasSubstr("no_such_vocab.txt")));
    EXPECT_THAT([] { Vocabulary::parse("[PAD]\n[UNK]\n[CLS]\n", "v.txt"); },
                ThrowsMessage<Error>(AllOf(HasSubstr("v.txt"), HasSubstr("[SEP] is missing"))));
    EXPECT_THAT([] { Vocabulary::parse("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n", "v.txt"); },
                ThrowsMessage<Error>(HasSubstr("CR LF")));
    EXPECT_THAT([] { Vocabulary::parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\nlung\nheart\nlung\n", "v.txt"); },
                ThrowsMessage<Error>(HasSubstr("line 7 repeats the entry of line 5")));
}

}  // namespace
}  // namespace ctclip
