#include "base/fsverity_digest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/random_bytes.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

/// @param step_bytes  how much is added at a time.
std::string digest_of(std::span<std::byte const> bytes, std::size_t step_bytes) {
    FsVerityDigest digest;
    while (!bytes.empty()) {
        std::size_t const num_bytes = std::min(step_bytes, bytes.size());
        digest.add(bytes.first(num_bytes));
        bytes = bytes.subspan(num_bytes);
    }
    return digest.finish_hex();
}

// 128 digests fill a block of the tree: sizes around none, one, a whole level, and a third level.
constexpr std::size_t kSizes[] = {0,          1,              4095,       4096,            4097,
                                  8192,       128 * 4096,     129 * 4096, 128 * 4096 + 1,  300 * 4096 + 17,
                                  128 * 128 * 4096, 128 * 128 * 4096 + 5000};

TEST(FsVerityDigest, IsWhatTheToolOfFsVerityPrints) {
    TempDir const dir;
    for (std::size_t const size : kSizes) {
        std::vector<std::byte> const bytes = random_bytes(5, size);
        std::filesystem::path const path = dir / std::to_string(size);
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<char const*>(bytes.data()), static_cast<std::streamsize>(size));
        ProcessResult const tool = Process({"fsverity", "digest", "--compact", path.string()}).wait();
        ASSERT_EQ(tool.exit_code, 0) << tool.err << "(is the package fsverity installed?)";
        EXPECT_EQ(fsverity_sha256_hex(bytes) + "\n", tool.out) << size << " bytes";
    }
}

TEST(FsVerityDigest, DoesNotDependOnHowMuchIsAddedAtATime) {
    std::vector<std::byte> const bytes = random_bytes(5, 700 * 4096 + 1234);
    std::string const expected = fsverity_sha256_hex(bytes);
    for (std::size_t const step : {1000U, 4095U, 4096U, 4097U, 65'536U, 128U * 4096U, 1'000'003U}) {
        EXPECT_EQ(digest_of(bytes, step), expected) << step;
    }
}

TEST(FsVerityDigest, DiffersWhereOneBitDoesOrZerosAreAppended) {
    std::vector<std::byte> bytes = random_bytes(5, 3 * 4096 + 100);
    std::string const before = fsverity_sha256_hex(bytes);
    bytes[4096] ^= std::byte{1};
    EXPECT_NE(fsverity_sha256_hex(bytes), before);
    bytes[4096] ^= std::byte{1};
    bytes.push_back(std::byte{0});  // the last block is padded with zeros: only the size tells
    EXPECT_NE(fsverity_sha256_hex(bytes), before);
}

}  // namespace
}  // namespace ctclip
