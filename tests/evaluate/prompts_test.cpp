#include "evaluate/prompts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Prompts, PublishedSetsSpellTheLabelVerbatim) {
    EXPECT_EQ(make_prompts("there_is", {"Lung nodule"})[0].positive, "There is Lung nodule.");
    EXPECT_EQ(make_prompts("there_is", {"Lung nodule"})[0].negative, "There is no Lung nodule.");
    EXPECT_EQ(make_prompts("is_present", {"Lung nodule"})[0].positive, "Lung nodule is present.");
    EXPECT_EQ(make_prompts("is_present", {"Lung nodule"})[0].negative, "Lung nodule is not present.");
}

TEST(Prompts, AFileGivesTemplatesAndSentencesForSingleClasses) {
    TempDir const dir;
    std::ofstream(dir / "p.json") << R"({"positive": "Seen: {label}.", "negative": "No {label}.",
        "classes": {"Emphysema": {"positive": "Emphysematous lungs.", "negative": "Normal lungs."}}})";
    auto const prompts = make_prompts((dir / "p.json").string(), {"Emphysema", "Lung nodule"});
    EXPECT_EQ(prompts[0].positive, "Emphysematous lungs.");
    EXPECT_EQ(prompts[1].positive, "Seen: Lung nodule.");
}

TEST(Prompts, RefuseWhatTheyCannotUse) {
    TempDir const dir;
    std::ofstream(dir / "unknown.json") << R"({"positive": "a", "negative": "b", "classes": {"Lung": {}}})";
    std::ofstream(dir / "half.json") << R"({"positive": "a"})";
    std::ofstream(dir / "text.json") << "There is {label}.";
    EXPECT_THAT([&] { make_prompts("thereis", {"Emphysema"}); },
                ThrowsMessage<Error>(HasSubstr("neither 'there_is', 'is_present' nor a file")));
    EXPECT_THAT([&] { make_prompts((dir / "unknown.json").string(), {"Emphysema"}); },
                ThrowsMessage<Error>(HasSubstr("no class 'Lung'")));
    EXPECT_THAT([&] { make_prompts((dir / "half.json").string(), {"Emphysema"}); },
                ThrowsMessage<Error>(HasSubstr("'negative'")));
    EXPECT_THAT([&] { make_prompts((dir / "text.json").string(), {"Emphysema"}); },
                ThrowsMessage<Error>(HasSubstr("not a JSON object")));
}

}  // namespace
}  // namespace ctclip
