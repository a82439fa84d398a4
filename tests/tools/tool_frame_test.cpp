#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/process.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

ProcessResult run_tool_with(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), CTCLIP_STAND_IN_TOOL);
    return run_process(arguments);
}

ProcessResult run_in_shell(std::string const& command) {
    return run_process({"/bin/bash", "-c", "set -o pipefail; tool=" CTCLIP_STAND_IN_TOOL "; " + command});
}

TEST(ToolFrame, DataGoesToStdoutAndNothingElseDoes) {
    ProcessResult const result = run_tool_with({"list", "a", "b"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, "a\nb\n");
    EXPECT_THAT(result.err, IsEmpty());
}

TEST(ToolFrame, JsonMayBeAskedForBeforeOrAfterTheCommand) {
    for (std::vector<std::string> const& words :
         {std::vector<std::string>{"--json", "list", "a"}, {"list", "a", "--json"}}) {
        nlohmann::json const line = nlohmann::json::parse(run_tool_with(words).out);
        EXPECT_EQ(line.at("schema"), "test.list/1");
        EXPECT_EQ(line.at("file"), "a");
    }
}

TEST(ToolFrame, HelpListsCommandsAndEachHasItsOwn) {
    ProcessResult const overview = run_tool_with({"--help"});
    EXPECT_EQ(overview.exit_code, 0);
    EXPECT_LT(overview.out.find("stand_in_tool list a b"), overview.out.find("Commands:"));
    EXPECT_THAT(overview.out, HasSubstr("compare      finds a difference"));

    ProcessResult const page = run_tool_with({"list", "--help"});
    EXPECT_EQ(page.exit_code, 0);
    EXPECT_THAT(page.out, HasSubstr("Usage: stand_in_tool list [options] FILE..."));
}

TEST(ToolFrame, WrongCommandsAndOptionsAreUsageErrorsWithASuggestion) {
    EXPECT_EQ(run_tool_with({}).exit_code, 64);
    ProcessResult const command = run_tool_with({"lst"});
    EXPECT_EQ(command.exit_code, 64);
    EXPECT_THAT(command.err, HasSubstr("Did you mean list?"));
    ProcessResult const option = run_tool_with({"list", "a", "--repaet", "3"});
    EXPECT_EQ(option.exit_code, 64);
    EXPECT_THAT(option.err, HasSubstr("Did you mean --repeat?"));
    EXPECT_EQ(run_tool_with({"list"}).exit_code, 64);
    EXPECT_EQ(run_tool_with({"list", "a", "--repeat", "0"}).exit_code, 64);
}

TEST(ToolFrame, ReturnsTheCodeOfItsBodyOrOfTheError) {
    EXPECT_EQ(run_tool_with({"compare"}).exit_code, 1);
    ProcessResult const failed = run_tool_with({"fail"});
    EXPECT_EQ(failed.exit_code, 65);
    EXPECT_THAT(failed.err, HasSubstr("error: x.h5: broken"));
}

TEST(ToolFrame, EndsQuietlyWhenTheReaderOfItsOutputGoesAway) {
    ProcessResult const result = run_in_shell("$tool list --repeat 1000000 a | head -n 1");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, "a\n");
    EXPECT_THAT(result.err, IsEmpty());
}

TEST(ToolFrame, AFullDiskBehindStdoutIsAnIoError) {
    ProcessResult const result = run_in_shell("$tool list a > /dev/full");
    EXPECT_EQ(result.exit_code, 74);
    EXPECT_THAT(result.err, HasSubstr("cannot write to stdout"));
}

TEST(ToolFrame, VersionNamesTheTool) {
    EXPECT_THAT(run_tool_with({"--version"}).out, HasSubstr("stand_in_tool 0."));
}

}  // namespace
}  // namespace ctclip
