#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "config/command_line.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;

class HelpPage : public testing::Test {
  protected:
    HelpPage() {
        schema_.key("convert.volumes", volumes_, "folder, searched to any depth")
            .required()
            .flag("--volumes", {"--data_folder"});
        schema_.key("convert.layout", layout_, "what the shards hold")
            .choices({"raw", "preprocessed"})
            .flag("--layout");
        schema_.key("convert.rate", rate_, "a key without a flag").min(0.0);
        schema_.positional("FILE", files_, "files to read").required();
        shared_.option("--help", wants_help_, "this page").flag("--help", {"-h"});
        page_ = help_page({"ctclip-convert", "makes shards", {{"ctclip-convert --volumes x", "converts x"}}},
                          schema_, shared_);
    }

    std::filesystem::path volumes_;
    std::string layout_ = "raw";
    double rate_ = 0.25;
    std::vector<std::filesystem::path> files_;
    bool wants_help_ = false;
    Schema schema_;
    Schema shared_;
    std::string page_;
};

TEST_F(HelpPage, ShowsTheExampleBeforeTheOptions) {
    EXPECT_LT(page_.find("ctclip-convert --volumes x"), page_.find("Options:"));
}

TEST_F(HelpPage, NamesFlagsAliasesChoicesDefaultsKeysAndPositionals) {
    EXPECT_THAT(page_, HasSubstr("Usage: ctclip-convert [options] FILE..."));
    EXPECT_THAT(page_, HasSubstr("--volumes PATH"));
    EXPECT_THAT(page_, HasSubstr("(required); also"));
    EXPECT_THAT(page_, HasSubstr("--data_folder"));
    EXPECT_THAT(page_, HasSubstr("raw | preprocessed [raw]"));
    EXPECT_THAT(page_, HasSubstr("convert.rate"));
    EXPECT_THAT(page_, HasSubstr("[0.25]"));
    EXPECT_THAT(page_, HasSubstr("-h, --help"));
}

TEST_F(HelpPage, FitsTheWidthOfATerminal) {
    std::istringstream lines(page_);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 108U) << line;
    }
}

}  // namespace
}  // namespace ctclip
