#include "base/sha256_blocks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/random_bytes.hpp"

namespace ctclip {
namespace {

TEST(Sha256Blocks, EqualOpenSslOnEveryInstructionSetForAnyNumberAndSizeOfBlocks) {
    for (std::size_t const block_bytes : {64U, 128U, 4096U, 65'536U}) {
        for (std::size_t const num_blocks : {0U, 1U, 7U, 8U, 15U, 16U, 17U, 33U}) {
            std::vector<std::byte> const blocks = random_bytes(3, num_blocks * block_bytes);
            std::vector<Sha256Bytes> expected(num_blocks);
            sha256_of_blocks_in_turn(blocks, block_bytes, expected);
            for_each_instruction_set([&] {
                std::vector<Sha256Bytes> side_by_side(num_blocks);
                sha256_of_blocks_side_by_side(blocks, block_bytes, side_by_side);
                EXPECT_EQ(side_by_side, expected) << num_blocks << " blocks of " << block_bytes << " bytes";
                std::vector<Sha256Bytes> chosen(num_blocks);
                sha256_of_blocks(blocks, block_bytes, chosen);
                EXPECT_EQ(chosen, expected) << num_blocks << " blocks of " << block_bytes << " bytes";
            });
        }
    }
    fmt::print("SHA-256 of blocks on this machine: {}\n", sha256_blocks_method());
}

TEST(Sha256Blocks, TheReferenceGivesTheKnownDigestOf64Zeros) {
    std::vector<std::byte> const zeros(64);
    Sha256Bytes digest{};
    sha256_of_blocks_in_turn(zeros, zeros.size(), {&digest, 1});
    std::string hex;
    for (std::byte const byte : digest) {
        hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
    }
    EXPECT_EQ(hex, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
}

}  // namespace
}  // namespace ctclip
