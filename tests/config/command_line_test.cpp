#include "config/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class CommandLineTest : public testing::Test {
  protected:
    CommandLineTest() {
        schema_.key("convert.output", output_, "folder").flag("--output", {"--output_dir"});
        schema_.key("convert.samples_per_shard", samples_, "samples").flag("--samples_per_shard").positive();
        schema_.key("evaluate.latents", latents_, "write latents").flag("--latents");
        schema_.key("training.betas", betas_, "rates").flag("--betas");
        schema_.option("--set", assignments_, "KEY=VALUE");
        schema_.option("--quiet", is_quiet_, "quiet").flag("--quiet", {"-q"});
        schema_.positional("FILE", file_, "first").required();
        schema_.positional("MORE", more_, "others");
    }

    void parse(std::vector<std::string> words) {
        CommandLine const command_line(std::move(words), {&schema_});
        command_line.apply_to(schema_);
        schema_.check();
    }

    std::string output_;
    std::int64_t samples_ = 100;
    bool latents_ = false;
    std::vector<double> betas_;
    std::vector<std::string> assignments_;
    bool is_quiet_ = false;
    std::filesystem::path file_;
    std::vector<std::filesystem::path> more_;
    Schema schema_;
};

TEST_F(CommandLineTest, TakesFlagsAliasesSwitchesAndPositionals) {
    parse({"in.h5", "--output_dir", "out", "--samples_per_shard=7", "--latents", "-q", "a,b.h5", "--betas",
           "0.5,0.6", "c.h5"});

    EXPECT_EQ(output_, "out");
    EXPECT_EQ(samples_, 7);
    EXPECT_TRUE(latents_);
    EXPECT_TRUE(is_quiet_);
    EXPECT_THAT(betas_, ElementsAre(0.5, 0.6));
    EXPECT_EQ(file_, "in.h5");
    EXPECT_THAT(more_, ElementsAre("a,b.h5", "c.h5"));
}

TEST_F(CommandLineTest, SwitchesTakeNoValue) {
    parse({"--latents", "in.h5"});
    EXPECT_TRUE(latents_);
    EXPECT_EQ(file_, "in.h5");
    EXPECT_THAT([&] { parse({"--latents=false", "in.h5"}); }, ThrowsMessage<Error>(HasSubstr("--latents")));
}

TEST_F(CommandLineTest, RepeatedListsOfFlagsAddUp) {
    parse({"f", "--set", "a=1,2", "--set", "b=[3, 4]"});
    EXPECT_THAT(assignments_, ElementsAre("a=1,2", "b=[3, 4]"));
}

TEST(CommandLine, FlagsThatAreNoKeysTakeNumbersByCommaAndNamesAsTheyAre) {
    enum class Colour { kRed, kBlue };
    Schema schema;
    std::vector<std::int64_t> size;
    std::vector<std::string> names;
    Colour colour = Colour::kRed;
    schema.option("--size", size, "three sizes").length(3);
    schema.option("--only", names, "labels");
    schema.option("--colour", colour, {{"red", Colour::kRed}, {"blue", Colour::kBlue}}, "a colour");

    CommandLine const command_line({"--size", "4,5,6", "--only", "a, b", "--only", "c", "--colour", "blue"},
                                   {&schema});
    command_line.apply_to(schema);
    schema.check();

    EXPECT_THAT(size, ElementsAre(4, 5, 6));
    EXPECT_THAT(names, ElementsAre("a, b", "c"));
    EXPECT_EQ(colour, Colour::kBlue);
    EXPECT_EQ(schema.values_yaml(), "") << "flags that are no keys are not part of the stored configuration";
}

TEST_F(CommandLineTest, WordsAfterTwoDashesAreNoOptions) {
    parse({"--", "--output"});
    EXPECT_EQ(file_, "--output");
}

TEST_F(CommandLineTest, NamesTheNearestOptionAndNeverGuesses) {
    EXPECT_THAT(
        [&] {
            parse({"f", "--outptu", "x"});
        },
        ThrowsMessage<Error>("unknown option --outptu. Did you mean --output?"));
    EXPECT_THAT(
        [&] {
            parse({"f", "--latent"});
        },
        ThrowsMessage<Error>(HasSubstr("Did you mean --latents?")));
    EXPECT_THAT(
        [&] {
            parse({"f", "--samples", "3"});
        },
        ThrowsMessage<Error>(HasSubstr("unknown option --samples")));
    EXPECT_THAT([&] { parse({"f", "-z"}); }, ThrowsMessage<Error>(HasSubstr("unknown option -z")));
}

TEST_F(CommandLineTest, RefusesMissingRepeatedAndWrongValues) {
    EXPECT_THAT([&] { parse({"f", "--output"}); }, ThrowsMessage<Error>(HasSubstr("--output needs a value")));
    EXPECT_THAT(
        [&] {
            parse({"f", "--output", "a", "--output_dir", "b"});
        },
        ThrowsMessage<Error>(HasSubstr("--output is given twice")));
    EXPECT_THAT(
        [&] {
            parse({"f", "--samples_per_shard", "-1"});
        },
        ThrowsMessage<Error>("--samples_per_shard: must be more than 0; found -1"));
}

TEST_F(CommandLineTest, MissingPositionalsAreNamed) {
    EXPECT_THAT([&] { parse({}); }, ThrowsMessage<Error>("FILE: is missing (first)"));
}

TEST_F(CommandLineTest, AnEmptyWordIsNoValueOfWhatIsRequired) {
    EXPECT_THAT([&] { parse({""}); }, ThrowsMessage<Error>("FILE: must not be empty"));
}

TEST(CommandLine, OneWordTooManyIsAnError) {
    Schema schema;
    std::string file;
    schema.positional("FILE", file, "a file");

    EXPECT_THAT(
        [&] {
            CommandLine({"a", "b"}, {&schema});
        },
        ThrowsMessage<Error>(HasSubstr("'b' is one word too many")));
}

TEST(CommandLine, ARuleOverOptionsIsAUsageError) {
    Schema schema;
    std::string shards;
    schema.option("--shards", shards, "shards");
    schema.rule("shards", [&] { return std::string(shards.empty() ? "is missing (or --volumes)" : "is wrong"); });
    auto const is_usage_error = [](char const* text) {
        return testing::Throws<Error>(testing::AllOf(testing::Property(&Error::code, ExitCode::kUsage),
                                                     testing::Property(&Error::what, testing::StrEq(text))));
    };
    EXPECT_THAT([&] { schema.check(); }, is_usage_error("--shards: is missing (or --volumes)"));
}

TEST_F(CommandLineTest, AllItsErrorsAreUsageErrors) {
    for (std::vector<std::string> const& words : {std::vector<std::string>{"f", "--nonsense"},
                                                  {"f", "--samples_per_shard", "x"},
                                                  {"f", "--output"},
                                                  {""},
                                                  {}}) {
        Schema schema;
        std::string file;
        std::int64_t samples = 1;
        schema.positional("FILE", file, "a file").required();
        schema.key("a.b", samples, "number").flag("--samples_per_shard");
        schema.option("--output", file, "output");
        try {
            CommandLine const command_line(words, {&schema});
            command_line.apply_to(schema);
            schema.check();
            FAIL() << "accepted";
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::kUsage) << error.what();
        }
    }
}

}  // namespace
}  // namespace ctclip
