#include "config/yaml_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// "line:column text" of every problem.
std::vector<std::string> problems_of(std::string const& yaml) {
    std::vector<ConfigProblem> problems;
    read_yaml(yaml, "f.yaml", problems);
    std::vector<std::string> texts;
    for (ConfigProblem const& problem : problems) {
        texts.push_back(to_string(problem.origin) + " " + problem.text);
    }
    return texts;
}

TEST(YamlReader, KeepsOrderKindAndPlaceOfEveryValue) {
    std::vector<ConfigProblem> problems;

    ConfigNode root = read_yaml("b: 1\na:\n  list: [x, 'y']\n  none: ~\n", "f.yaml", problems);

    EXPECT_THAT(problems, IsEmpty());
    ASSERT_THAT(root.entries, SizeIs(2));
    EXPECT_EQ(root.entries[0].key, "b");
    EXPECT_EQ(root.entries[0].value.text, "1");
    ConfigNode* const list = root.entries[1].value.find("list");
    ASSERT_NE(list, nullptr);
    EXPECT_EQ(to_string(list->key_origin), "f.yaml:3:3");
    EXPECT_EQ(to_string(list->items[1].origin), "f.yaml:3:13");
    EXPECT_FALSE(list->items[0].is_quoted);
    EXPECT_TRUE(list->items[1].is_quoted);
    EXPECT_EQ(root.entries[1].value.find("none")->kind, ConfigNode::Kind::kNull);
}

TEST(YamlReader, ReportsAllDuplicateKeysWithBothPlaces) {
    EXPECT_THAT(problems_of("a: 1\nb: 2\na: 3\nb: 4\n"),
                ElementsAre(AllOf(HasSubstr("f.yaml:3:1 key 'a'"), HasSubstr("first at f.yaml:1:1")),
                            AllOf(HasSubstr("f.yaml:4:1 key 'b'"), HasSubstr("first at f.yaml:2:1"))));
}

TEST(YamlReader, RefusesASecondDocument) {
    EXPECT_THAT(problems_of("a: 1\n---\nb: 2\n"), ElementsAre(HasSubstr("second document")));
    EXPECT_THAT(problems_of("---\na: 1\n...\n"), IsEmpty());
}

TEST(YamlReader, RefusesAliasBombsAtTheFirstAnchor) {
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 10; ++i) {
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
                ", *a" + std::to_string(i - 1) + "]\n";
    }
    EXPECT_THAT(problems_of(bomb), ElementsAre(HasSubstr("f.yaml:1:5 anchors")));
    EXPECT_THAT(problems_of("&x [*x]\n"), ElementsAre(HasSubstr("anchors")));
}

TEST(YamlReader, RefusesMergeKeysTagsAndKeysThatAreNoNames) {
    EXPECT_THAT(problems_of("<<: {a: 1}\n"), ElementsAre(HasSubstr("_base_")));
    EXPECT_THAT(problems_of("a: !!float 1\n"), ElementsAre(HasSubstr("tag")));
    EXPECT_THAT(problems_of("? [a, b]\n: 1\n"), ElementsAre(HasSubstr("plain name")));
}

TEST(YamlReader, BoundsDepthNodesAndBytes) {
    EXPECT_THAT(problems_of("a: " + std::string(100, '[') + std::string(100, ']')),
                ElementsAre(HasSubstr("nested more than 32 levels")));
    EXPECT_THAT(problems_of("a: " + std::string(20'000, '[')), ElementsAre(HasSubstr("nested more than")));
    std::string many = "a: [";
    for (int i = 0; i < 20'000; ++i) {
        many += "1,";
    }
    EXPECT_THAT(problems_of(many + "1]"), ElementsAre(HasSubstr("more than 10000 values")));
    EXPECT_THAT(problems_of("a: " + std::string(2 << 20, 'x')), ElementsAre(HasSubstr("bytes")));
}

TEST(YamlReader, ReportsSyntaxErrorsWithTheirPlace) {
    EXPECT_THAT(problems_of("a: 1\nb: [1, 2\nc: 3\n"), ElementsAre(HasSubstr("no valid YAML")));
    EXPECT_THAT(problems_of(std::string("a: 1\n\0b", 7)), ElementsAre(HasSubstr("zero")));
    EXPECT_THAT(problems_of("\xff\xfe"), ElementsAre(HasSubstr("UTF-8")));
}

TEST(YamlReader, AnOpenQuoteDoesNotSwallowTheRestOfTheFile) {
    for (std::string const quote : {"\"", "'"}) {
        EXPECT_THAT(problems_of("x: 1\na: " + quote + "open\nb: 2\n"), ElementsAre(HasSubstr("f.yaml:2:4")));
    }
    EXPECT_THAT(problems_of("a: \"closed \\\" here\"\nb: 'it''s'\nc: |\n  text\nnaïve: 'é'\n"), IsEmpty());
    EXPECT_THAT(problems_of("é: \"é"), ElementsAre(HasSubstr("f.yaml:1:")));
}

TEST(YamlReader, AnEmptyFileIsAnEmptyConfiguration) {
    EXPECT_THAT(problems_of(""), IsEmpty());
    EXPECT_THAT(problems_of("# only a comment\n"), IsEmpty());
}

}  // namespace
}  // namespace ctclip
