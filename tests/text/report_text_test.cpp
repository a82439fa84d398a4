#include "text/report_text.hpp"

#include <gtest/gtest.h>

namespace ctclip {
namespace {

TEST(ModelText, DeletesFourCharactersAndNothingElse) {
    EXPECT_EQ(
        model_text("The \"left\" lung's (upper) lobe;  CLEAR.\nNo 'mass'.", ReportText::kFindingsImpressions),
        "The left lungs upper lobe;  CLEAR.\nNo mass.");
}

TEST(ModelText, FindingsEndAtTheFirstNewline) {
    EXPECT_EQ(model_text("Clear (lungs).\nNormal.", ReportText::kFindings), "Clear lungs.");
    EXPECT_EQ(model_text("no impressions", ReportText::kFindings), "no impressions");
}

TEST(ModelText, OnlyAnExactNotGivenIsEmpty) {
    EXPECT_EQ(model_text("Not given.", ReportText::kFindingsImpressions), "");
    EXPECT_EQ(model_text("Not given.\nNormal.", ReportText::kFindings), "");
    EXPECT_EQ(model_text("Not given.\nNot given.", ReportText::kFindingsImpressions),
              "Not given.\nNot given.");
}

}  // namespace
}  // namespace ctclip
