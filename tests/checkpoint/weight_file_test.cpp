#include "checkpoint/weight_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "checkpoint/tensor_summary.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

std::filesystem::path const kWeights = std::filesystem::path(CTCLIP_TEST_DATA) / "checkpoint" / "weights";

/// Every folder with an expected.json: files made by the Python reference, or by hand against it.
std::vector<std::filesystem::path> golden_folders() {
    std::vector<std::filesystem::path> folders;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(kWeights)) {
        if (entry.path().filename() == "expected.json") {
            folders.push_back(entry.path().parent_path());
        }
    }
    return folders;
}

std::string stripped(std::string name, std::string const& weights_at, std::string const& strip) {
    if (!weights_at.empty()) {
        name = name.substr(weights_at.size() + 1);
    }
    return name.starts_with(strip) ? name.substr(strip.size()) : name;
}

void expect_tensors(WeightFile const& file, json const& expected) {
    std::string const at = expected.at("weights_at");
    std::size_t num_expected = 0;
    for (auto const& [path, tensor] : expected.at("tensors").items()) {
        if (!at.empty() && !path.starts_with(at + "/")) {
            continue;  // optimizer state and the like
        }
        ++num_expected;
        std::string const name = stripped(path, at, expected.at("strip"));
        auto const found = file.tensors.find(name);
        ASSERT_NE(found, file.tensors.end()) << name;
        EXPECT_EQ(python_dtype_name(found->second.type), tensor.at("dtype")) << name;
        EXPECT_EQ(found->second.shape, tensor.at("shape").get<Shape>()) << name;
        EXPECT_EQ(sha256_hex(found->second.bytes), tensor.at("sha256")) << name;
    }
    EXPECT_EQ(file.tensors.size(), num_expected);
}

class GoldenWeights : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoldenWeights, AreReadOrRefusedAsExpected) {
    set_log_level(LogLevel::kError);
    json const files = json::parse(std::ifstream(GetParam() / "expected.json")).at("files");
    ASSERT_FALSE(files.empty());
    for (auto const& [name, expected] : files.items()) {
        SCOPED_TRACE(name);
        std::filesystem::path const path = GetParam() / name;
        std::string const outcome = expected.at("outcome");
        ASSERT_EQ(sha256_hex(read_file(path)), expected.at("sha256"));
        try {
            WeightFile const file = read_weight_file(path);
            EXPECT_NE(outcome, "refused") << expected.value("reason", "");
            if (expected.contains("tensors")) {
                expect_tensors(file, expected);
            }
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
            EXPECT_TRUE(outcome == "refused" || outcome == "either") << error.what();
            EXPECT_THAT(error.what(), testing::HasSubstr(path.filename().string().substr(0, 4)));
            EXPECT_LT(std::string_view(error.what()).size(), 1000U);
            RecordProperty(name, error.what());
        }
    }
    set_log_level(LogLevel::kInfo);
    EXPECT_FALSE(std::filesystem::exists("PWNED")) << "a payload ran";
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenWeights, testing::ValuesIn(golden_folders()), [](auto const& folder) {
    std::string name = std::filesystem::relative(folder.param, kWeights).string();
    std::replace(name.begin(), name.end(), '/', '_');
    return name;
});

}  // namespace
}  // namespace ctclip
