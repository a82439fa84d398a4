#include "config/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

enum class Colour { kRed, kBlue };

struct Options {
    bool is_on = false;
    int small = 1;
    std::int64_t steps = 100;
    double rate = 0.5;
    std::string name = "base";
    std::filesystem::path folder;
    std::vector<double> betas = {0.9, 0.99};
    std::vector<std::string> tags;
    std::optional<std::int64_t> limit = 5;
    std::optional<std::filesystem::path> start;
    Colour colour = Colour::kRed;
};

void bind(Schema& schema, Options& options) {
    schema.key("run.is_on", options.is_on, "switch").flag("--on");
    schema.key("run.small", options.small, "small number");
    schema.key("training.max_steps", options.steps, "steps").positive().max(1000);
    schema.key("training.rate", options.rate, "rate").min(0.0).max(1.0);
    schema.key("training.betas", options.betas, "two rates").length(2).min(0.0);
    schema.key("experiment.name", options.name, "name").choices({"base", "large"});
    schema.key("experiment.tags", options.tags, "tags");
    schema.key("run.dir", options.folder, "folder").flag("--output", {"--output_dir"});
    schema.key("training.limit", options.limit, "limit").positive();
    schema.key("model.init_from", options.start, "start");
    schema.choice("model.colour", options.colour, {{"red", Colour::kRed}, {"blue", Colour::kBlue}}, "colour");
}

class SchemaTest : public testing::Test {
  protected:
    SchemaTest() { bind(schema_, options_); }

    /// What check() throws, with its code; "" when all is well.
    std::string error_text() {
        try {
            schema_.check();
            return "";
        } catch (Error const& error) {
            code_ = error.code();
            return error.what();
        }
    }
    std::string error_of(std::string const& yaml) {
        schema_.load_text(yaml, "f.yaml");
        return error_text();
    }

    Options options_;
    Schema schema_;
    ExitCode code_ = ExitCode::kDone;
};

TEST_F(SchemaTest, DefaultsStayWhereNothingIsGiven) {
    EXPECT_EQ(error_of("training:\n  rate: 0.25\n"), "");

    EXPECT_EQ(options_.rate, 0.25);
    EXPECT_EQ(options_.steps, 100);
    EXPECT_TRUE(schema_.is_given("training.rate"));
    EXPECT_FALSE(schema_.is_given("training.max_steps"));
}

TEST_F(SchemaTest, ReadsEveryType) {
    EXPECT_EQ(error_of("run: {is_on: true, small: -3, dir: /out/x}\n"
                       "training: {max_steps: 7, rate: 1e-4, betas: [0.5, 1], limit: null}\n"
                       "experiment: {name: large, tags: [a, 'b c', 2025]}\n"
                       "model: {init_from: w.safetensors, colour: blue}\n"),
              "");

    EXPECT_TRUE(options_.is_on);
    EXPECT_EQ(options_.small, -3);
    EXPECT_EQ(options_.folder, "/out/x");
    EXPECT_EQ(options_.steps, 7);
    EXPECT_EQ(options_.rate, 1e-4);
    EXPECT_THAT(options_.betas, ElementsAre(0.5, 1.0));
    EXPECT_EQ(options_.limit, std::nullopt);
    EXPECT_EQ(options_.name, "large");
    EXPECT_THAT(options_.tags, ElementsAre("a", "b c", "2025"));
    EXPECT_EQ(options_.start, "w.safetensors");
    EXPECT_EQ(options_.colour, Colour::kBlue);
}

TEST_F(SchemaTest, NoneEmptiesAnOptional) {
    EXPECT_EQ(error_of("model: {init_from: none}\n"), "");
    EXPECT_EQ(options_.start, std::nullopt);
}

TEST_F(SchemaTest, ReportsEveryProblemOfAFileAtOnceWithItsPlace) {
    std::string const text = error_of(
        "training:\n  max_stesp: 4\n  rate: fast\n  betas: [0.9]\nrun:\n  small: 010\n  is_on: yes\n"
        "trainign:\n  a: 1\n  b: 2\nexperiment: 3\n");

    EXPECT_EQ(code_, ExitCode::kBadConfig);
    EXPECT_THAT(text, HasSubstr("7 problems"));
    EXPECT_THAT(text,
                HasSubstr("f.yaml:2:3: unknown key training.max_stesp. Did you mean training.max_steps?"));
    EXPECT_THAT(text, HasSubstr("f.yaml:3:9: training.rate needs a number, found 'fast'"));
    EXPECT_THAT(text, HasSubstr("f.yaml:4:10: training.betas needs a list of 2, found 1"));
    EXPECT_THAT(text, HasSubstr("f.yaml:6:10: run.small needs a whole number, found '010'"));
    EXPECT_THAT(text, HasSubstr("f.yaml:7:10: run.is_on needs true or false, found 'yes'"));
    EXPECT_THAT(text, HasSubstr("f.yaml:8:1: unknown key trainign. Did you mean training?"));
    EXPECT_THAT(text, HasSubstr("f.yaml:11:13: experiment is a section"));
}

TEST_F(SchemaTest, RefusesWhatYamlWouldGuess) {
    for (std::string const value : {"010", "0x10", "1_000", "1.0", "1e3", "'5'", "9223372036854775808", "",
                                    "[1]", "{a: 1}", "+5", "5 6"}) {
        Options options;
        Schema schema;
        schema.key("a", options.steps, "whole number");
        schema.load_text("a: " + value + "\n", "f.yaml");
        EXPECT_THROW(schema.check(), Error) << value;
    }
    for (std::string const value :
         {".inf", ".nan", "nan", "inf", "1e400", "0x1p3", "1,5", "'0.5'", "null", "01.5"}) {
        Options options;
        Schema schema;
        schema.key("a", options.rate, "number");
        schema.load_text("a: " + value + "\n", "f.yaml");
        EXPECT_THROW(schema.check(), Error) << value;
    }
    for (std::string const value : {"yes", "no", "on", "True", "1", "'true'", "null"}) {
        Options options;
        Schema schema;
        schema.key("a", options.is_on, "switch");
        schema.load_text("a: " + value + "\n", "f.yaml");
        EXPECT_THROW(schema.check(), Error) << value;
    }
}

TEST_F(SchemaTest, NamesTheBoundThatIsBroken) {
    EXPECT_THAT(error_of("training: {max_steps: 0}\n"), HasSubstr("must be more than 0; found 0"));
    EXPECT_EQ(options_.steps, 100) << "a refused value must not be stored";
}

TEST_F(SchemaTest, BoundsHoldInsideListsAndOptionals) {
    EXPECT_THAT(error_of("training: {max_steps: 1001, rate: -0.1, betas: [0.1, -1], limit: 0}\n"),
                AllOf(HasSubstr("at most 1000"), HasSubstr("at least 0; found -0.1"),
                      HasSubstr("training.betas must be at least 0; found -1"),
                      HasSubstr("training.limit must be more than 0")));
}

TEST_F(SchemaTest, NamesTheNearestChoice) {
    EXPECT_THAT(error_of("experiment: {name: lrage}\nmodel: {colour: green}\n"),
                AllOf(HasSubstr("must be one of base, large; found 'lrage'. Did you mean large?"),
                      HasSubstr("must be one of red, blue; found 'green'")));
}

TEST_F(SchemaTest, LaterAssignmentsWinAndKeepTheirOrigin) {
    schema_.load_text("training: {max_steps: 7}\n", "a.yaml");
    schema_.load_text("training: {max_steps: 8}\n", "b.yaml");
    EXPECT_EQ(to_string(schema_.origin("training.max_steps")), "b.yaml:1:23");
    schema_.set("training.max_steps=9");

    EXPECT_EQ(error_text(), "");
    EXPECT_EQ(options_.steps, 9);
    EXPECT_EQ(to_string(schema_.origin("training.max_steps")), "--set");
}

TEST_F(SchemaTest, SetTakesTextAsItIsAndListsWithOrWithoutBrackets) {
    schema_.set("run.dir=a: [b=c");
    schema_.set("training.betas=0.1,0.2");
    schema_.set("experiment.tags=[x, y]");

    EXPECT_EQ(error_text(), "");
    EXPECT_EQ(options_.folder, "a: [b=c");
    EXPECT_THAT(options_.betas, ElementsAre(0.1, 0.2));
    EXPECT_THAT(options_.tags, ElementsAre("x", "y"));
}

TEST_F(SchemaTest, SetReportsUnknownKeysSectionsAndMissingValues) {
    schema_.set("training.max_step=3");
    schema_.set("training=3");
    schema_.set("training.rate=high");
    schema_.set("nonsense");

    EXPECT_THAT(error_text(),
                AllOf(HasSubstr("--set: unknown key training.max_step. Did you mean training.max_steps"),
                      HasSubstr("--set: training is a section"),
                      HasSubstr("--set: training.rate needs a number, found 'high'"),
                      HasSubstr("--set: needs key=value")));
    EXPECT_EQ(code_, ExitCode::kBadConfig);
}

TEST_F(SchemaTest, ReportsMissingRequiredKeys) {
    std::string needed;
    schema_.key("convert.volumes", needed, "folder of the volumes").required().flag("--volumes");
    EXPECT_THAT(error_text(), AllOf(HasSubstr("convert.volumes: is required"), HasSubstr("--volumes")));
    EXPECT_EQ(code_, ExitCode::kUsage) << "without a file it is the command line that lacks something";
}

TEST_F(SchemaTest, AnEmptyTextIsNoValueOfARequiredKey) {
    std::filesystem::path needed;
    schema_.key("convert.volumes", needed, "folder of the volumes").required().flag("--volumes");
    EXPECT_THAT(error_of("convert: {volumes: ''}\n"), HasSubstr("convert.volumes must not be empty"));
    EXPECT_EQ(code_, ExitCode::kBadConfig);
}

TEST_F(SchemaTest, MissingRequiredKeysOfAFileAreABadConfiguration) {
    std::string needed;
    schema_.key("convert.volumes", needed, "folder of the volumes").required().flag("--volumes");
    EXPECT_THAT(error_of("run: {small: 1}\n"), HasSubstr("is required"));
    EXPECT_EQ(code_, ExitCode::kBadConfig);
}

TEST_F(SchemaTest, AcceptsUnusedKeysWithANote) {
    schema_.accepted_but_unused("logging.wandb", "there is no network on compute nodes");

    EXPECT_EQ(error_of("logging:\n  wandb: {project: x, mode: online}\n"), "");

    EXPECT_THAT(schema_.notes(),
                ElementsAre(AllOf(HasSubstr("f.yaml:2:3: logging.wandb is accepted but not used"),
                                  HasSubstr("no network"))));
}

TEST_F(SchemaTest, SuggestsUnusedKeysTooAndRefusesTheirMisspellings) {
    schema_.accepted_but_unused("logging.wandb", "not used");
    EXPECT_THAT(error_of("logging: {wanbd: 1}\n"), HasSubstr("Did you mean logging.wandb?"));
}

TEST_F(SchemaTest, SkipsSectionsOfOtherProgramsUnlessKeysOfThemAreBound) {
    schema_.section_of_other_program("convert");
    schema_.section_of_other_program("training");

    EXPECT_THAT(error_of("convert: {anything: 1}\ntraining: {unknown: 1}\n"),
                AllOf(HasSubstr("unknown key training.unknown"), Not(HasSubstr("convert"))));
}

TEST_F(SchemaTest, SetsOfOtherProgramsAreAnError) {
    schema_.section_of_other_program("convert");
    schema_.set("convert.volumes=x");
    EXPECT_THAT(error_text(), HasSubstr("convert.volumes is a key of another program"));
}

TEST_F(SchemaTest, RulesSeeTheResolvedValuesAndReportAtTheirKey) {
    schema_.rule("training.max_steps", [this] {
        return options_.steps > 50 && options_.rate > 0.5 ? std::string("is too high for this rate")
                                                          : std::string();
    });

    EXPECT_THAT(error_of("training: {rate: 0.9, max_steps: 60}\n"),
                HasSubstr("f.yaml:1:34: training.max_steps is too high for this rate"));
}

TEST_F(SchemaTest, DumpReadsBackToTheSameValuesWithOrigins) {
    schema_.load_text(
        "experiment: {tags: ['a: b', \"quote\\\"\", 'yes', '007', 'naïve', '']}\nrun: {dir: 'my dir'}\n"
        "training: {rate: 1e-8, limit: null, betas: [0.1, 1]}\n",
        "f.yaml");
    schema_.set("model.colour=blue");
    ASSERT_EQ(error_text(), "");
    std::string const dump = schema_.dump_yaml();

    Options again;
    Schema second;
    bind(second, again);
    second.load_text(dump, "dump.yaml");
    second.check();

    EXPECT_EQ(second.values_yaml(), schema_.values_yaml());
    EXPECT_EQ(again.tags, options_.tags);
    EXPECT_EQ(again.rate, 1e-8);
    EXPECT_EQ(again.limit, std::nullopt);
    EXPECT_EQ(again.folder, "my dir");
    EXPECT_EQ(again.colour, Colour::kBlue);
    EXPECT_THAT(dump, HasSubstr("# f.yaml:3:18"));
    EXPECT_THAT(dump, HasSubstr("# --set"));
    EXPECT_THAT(dump, HasSubstr("# default"));
    EXPECT_THAT(schema_.values_yaml(), Not(HasSubstr("#")));
}

TEST_F(SchemaTest, DoublesSurviveTheDumpBitForBit) {
    for (double const value : {0.1, 1.0 / 3.0, 1e-300, 6.02214076e23, -0.0, 65536.0, 1.25e-6}) {
        double original = value;
        double again = 1.0;
        Schema first;
        Schema second;
        first.key("a", original, "");
        second.key("a", again, "");
        second.load_text(first.dump_yaml(), "dump");
        second.check();
        EXPECT_EQ(std::signbit(again), std::signbit(value));
        EXPECT_EQ(again, value);
    }
}

}  // namespace
}  // namespace ctclip
