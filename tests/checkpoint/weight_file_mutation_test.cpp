// Damaged and random files: an Error or the tensors, never a crash, a hang, or memory beyond bounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/splitmix64.hpp"
#include "checkpoint/weight_file.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

std::filesystem::path const kValid =
    std::filesystem::path(CTCLIP_TEST_DATA) / "checkpoint" / "weights" / "valid";

class MutatedWeights : public testing::TestWithParam<char const*> {};

/// Replaces, inserts, removes or repeats bytes at up to three places.
std::string mutate(std::string content, std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 1 + splitmix64(seed, 0) % 3; ++i) {
        std::uint64_t const random = splitmix64(seed, i + 1);
        std::size_t const at = (random >> 8) % content.size();
        std::size_t const length = 1 + (random >> 40) % 8;
        switch (random % 5) {
            case 0:
                content[at] = static_cast<char>(random >> 56);
                break;
            case 1:
                content[at] = static_cast<char>(content[at] ^ (1 << (random >> 56) % 8));
                break;
            case 2:
                content.insert(at, length, static_cast<char>(random >> 56));
                break;
            case 3:
                content.erase(at, length);
                break;
            default:
                content.insert(at, content.substr((random >> 20) % content.size(), length));
        }
        if (content.empty()) {
            return content;
        }
    }
    return content;
}

TEST_P(MutatedWeights, AreReadOrRefused) {
    set_log_level(LogLevel::kError);
    TempDir const dir;
    std::string const good = read_text_file(kValid / GetParam());
    std::filesystem::path const path = dir / std::filesystem::path(GetParam()).filename().string();
    std::size_t num_refused = 0;
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        std::filesystem::remove(path);  // truncating instead would make some file systems write to the disk
        FILE* file = std::fopen(path.c_str(), "wb");
        std::string const bad = mutate(good, seed);
        ASSERT_EQ(std::fwrite(bad.data(), 1, bad.size(), file), bad.size());
        std::fclose(file);
        try {
            read_weight_file(path);
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
            ++num_refused;
        }
    }
    EXPECT_GT(num_refused, 300U);
    set_log_level(LogLevel::kInfo);
}

INSTANTIATE_TEST_SUITE_P(Formats, MutatedWeights,
                         testing::Values("containers/protocol_4.pt", "containers/zip64.pt",
                                         "dtypes/layouts.pt", "fork/numpy1_names.pt",
                                         "dtypes/all_dtypes.safetensors"));

}  // namespace
}  // namespace ctclip
