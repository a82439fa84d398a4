// ctclip-phantom as users and scripts meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "study/study_table.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;

ProcessResult phantom(std::vector<std::string> words) {
    words.insert(words.begin(), std::string(CTCLIP_BIN) + "/ctclip-phantom");
    return run_process(std::move(words));
}

TEST(PhantomProgram, SaysWhereEverythingWent) {
    TempDir const dir;
    std::string const output = (dir / "set").string();
    ProcessResult const result = phantom({"--output", output, "--count", "2", "--size", "24,20,16", "--only",
                                          "Lung nodule,Emphysema", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    nlohmann::json const record = nlohmann::json::parse(result.out);
    EXPECT_EQ(record["schema"], "ctclip.phantom/1");
    EXPECT_EQ(record["num_voxels"], 2 * 24 * 20 * 16);
    StudyTable const table =
        StudyTable::load(record["reports"].get<std::string>(), record["metadata"].get<std::string>(),
                         record["labels"].get<std::string>());
    for (Study const& study : table.studies()) {
        EXPECT_THAT(study.findings, testing::AllOf(HasSubstr("ung nodule"), HasSubstr("mphysema")));
        EXPECT_EQ(std::count(study.labels.begin(), study.labels.end(), 1.0F), 2);
    }
}

TEST(PhantomProgram, RefusesWithTheRightCodeAndWritesNothing) {
    TempDir const dir;
    std::string const output = (dir / "set").string();
    ProcessResult const unknown = phantom({"--output", output, "--only", "Lung noodle"});
    EXPECT_EQ(unknown.exit_code, 64);
    EXPECT_THAT(unknown.err, HasSubstr("'Lung noodle' is none of the labels"));
    ProcessResult const large = phantom({"--output", output, "--size", "64,64,401"});
    EXPECT_EQ(large.exit_code, 64);
    EXPECT_THAT(large.err, HasSubstr("401 voxels along z"));
    EXPECT_FALSE(std::filesystem::exists(output));

    ASSERT_EQ(phantom({"--output", output, "--count", "1", "--size", "8,8,8"}).exit_code, 0);
    EXPECT_EQ(phantom({"--output", output, "--count", "1", "--size", "8,8,8"}).exit_code, 73);
}

}  // namespace
}  // namespace ctclip
