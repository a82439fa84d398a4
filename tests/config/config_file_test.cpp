#include "config/config_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConfigFile : public testing::Test {
  protected:
    void write(std::string const& name, std::string const& yaml) {
        std::filesystem::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name) << yaml;
    }
    ConfigNode load(std::string const& name) {
        problems_.clear();
        return load_config_file(folder_ / name, problems_);
    }
    std::vector<std::string> problem_texts() const {
        std::vector<std::string> texts;
        for (ConfigProblem const& problem : problems_) {
            texts.push_back(to_string(problem.origin) + " " + problem.text);
        }
        return texts;
    }

    TempDir folder_;
    std::vector<ConfigProblem> problems_;
};

TEST_F(ConfigFile, MergesOverItsBaseKeyByKeyAndReplacesLists) {
    write("common/base.yaml", "training: {steps: 10, betas: [1, 2]}\ndata: {size: 3}\n");
    write("run.yaml", "_base_: common/base.yaml\ntraining:\n  betas: [5]\n");

    ConfigNode root = load("run.yaml");

    EXPECT_THAT(problems_, IsEmpty());
    EXPECT_EQ(root.find("_base_"), nullptr);
    EXPECT_EQ(root.find("training")->find("steps")->text, "10");
    EXPECT_EQ(root.find("training")->find("betas")->items.size(), 1U);
    EXPECT_EQ(root.find("data")->find("size")->text, "3");
    EXPECT_THAT(to_string(root.find("training")->find("betas")->origin), HasSubstr("run.yaml:3:"));
    EXPECT_THAT(to_string(root.find("data")->origin), HasSubstr("base.yaml:2:"));
}

TEST_F(ConfigFile, BasesMayHaveBasesRelativeToThemselves) {
    write("a/one.yaml", "x: 1\ny: 1\nz: 1\n");
    write("a/two.yaml", "_base_: one.yaml\ny: 2\nz: 2\n");
    write("three.yaml", "_base_: a/two.yaml\nz: 3\n");

    ConfigNode root = load("three.yaml");

    EXPECT_EQ(root.find("x")->text + root.find("y")->text + root.find("z")->text, "123");
}

TEST_F(ConfigFile, ReportsBaseLoopsMissingBasesAndTooManyLevels) {
    write("loop_a.yaml", "_base_: loop_b.yaml\n");
    write("loop_b.yaml", "_base_: loop_a.yaml\n");
    load("loop_a.yaml");
    EXPECT_THAT(problem_texts(), ElementsAre(HasSubstr("leads back to itself")));

    write("orphan.yaml", "_base_: nowhere.yaml\n");
    load("orphan.yaml");
    EXPECT_THAT(problem_texts(), ElementsAre(AllOf(HasSubstr("orphan.yaml:1:9"), HasSubstr("nowhere.yaml"))));

    write("0.yaml", "x: 1\n");
    for (int i = 1; i <= 6; ++i) {
        write(std::to_string(i) + ".yaml", "_base_: " + std::to_string(i - 1) + ".yaml\n");
    }
    load("6.yaml");
    EXPECT_THAT(problem_texts(), ElementsAre(HasSubstr("more than 4 levels")));
}

TEST_F(ConfigFile, ExpandsEnvironmentVariablesAndDefaults) {
    ::setenv("CTCLIP_TEST_FOLDER", "/data", 1);
    ::unsetenv("CTCLIP_TEST_UNSET");
    write("f.yaml",
          "a: ${CTCLIP_TEST_FOLDER}/x-{000..003}.tar\nb: ${CTCLIP_TEST_UNSET:4}\n"
          "c: ['${CTCLIP_TEST_UNSET:a:b}', '${CTCLIP_TEST_FOLDER}${CTCLIP_TEST_FOLDER}']\n"
          "d: ${CTCLIP_TEST_UNSET:null}\n");

    ConfigNode root = load("f.yaml");

    EXPECT_THAT(problems_, IsEmpty());
    EXPECT_EQ(root.find("a")->text, "/data/x-{000..003}.tar");
    EXPECT_EQ(root.find("b")->text, "4");
    EXPECT_EQ(root.find("c")->items[0].text, "a:b");
    EXPECT_EQ(root.find("c")->items[1].text, "/data/data");
    EXPECT_EQ(root.find("d")->kind, ConfigNode::Kind::kNull);
}

TEST_F(ConfigFile, ReportsUnsetVariablesOpenBracesAndSecrets) {
    ::unsetenv("CTCLIP_TEST_UNSET");
    write("f.yaml", "a: ${CTCLIP_TEST_UNSET}\nb: ${OPEN\nc: ${WANDB_API_KEY:x}\nd: ${9:x}\n");

    load("f.yaml");

    EXPECT_THAT(problem_texts(),
                ElementsAre(HasSubstr("f.yaml:1:4 the environment variable CTCLIP_TEST_UNSET"),
                            HasSubstr("closing brace"), HasSubstr("secret"),
                            HasSubstr("names no environment variable")));
}

TEST_F(ConfigFile, AMissingFileIsABadConfiguration) {
    try {
        load("none.yaml");
        FAIL() << "a missing file was accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::kBadConfig);
        EXPECT_THAT(error.what(), HasSubstr("none.yaml"));
    }
}

TEST_F(ConfigFile, ATopLevelListIsNoConfiguration) {
    write("f.yaml", "- a\n- b\n");
    load("f.yaml");
    EXPECT_THAT(problem_texts(), ElementsAre(HasSubstr("sections")));
}

}  // namespace
}  // namespace ctclip
