// Shards with random damage: whatever the bytes say, the answer is a list of members or an Error, soon.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "base/error.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

/// What damage and malice look like: flipped bits, wild bytes, numbers in size fields, blocks moved, ends cut
/// off.
void mutate(std::string& bytes, std::mt19937_64& random) {
    auto const position = [&] { return bytes.empty() ? 0 : random() % bytes.size(); };
    switch (random() % 6) {
        case 0:
            bytes[position()] ^= static_cast<char>(1U << (random() % 8));
            break;
        case 1:
            bytes[position()] = static_cast<char>(random());
            break;
        case 2: {
            std::size_t const header = position() / 512 * 512;
            for (std::size_t i = header + 124; i < std::min(header + 136, bytes.size()); ++i) {
                bytes[i] = static_cast<char>(random() % 2 == 0 ? '0' + random() % 8 : random());
            }
            break;
        }
        case 3: {
            std::size_t const from = position() / 512 * 512;
            std::size_t const to = position() / 512 * 512;
            bytes.insert(to, bytes.substr(from, 512 * (1 + random() % 4)));
            break;
        }
        case 4:
            bytes.resize(position() + 1);
            break;
        default:
            bytes.replace(position(), 8, "\x80\xff\xff\xff\xff\xff\xff\xff");
    }
}

/// So that damage reaches what lies behind the checksum.
void repair_checksums(std::string& bytes) {
    for (std::size_t header = 0; header + 512 <= bytes.size(); header += 512) {
        if (bytes.compare(header + 257, 5, "ustar") == 0) {
            unsigned sum = 8 * ' ';
            for (std::size_t i = 0; i < 512; ++i) {
                sum += i >= 148 && i < 156 ? 0 : static_cast<unsigned char>(bytes[header + i]);
            }
            bytes.replace(header + 148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
        }
    }
}

class TarMutation : public testing::TestWithParam<char const*> {};

TEST_P(TarMutation, IsReadOrRefused) {
    fs::path const original = fs::path(CTCLIP_TEST_DATA) / "shard" / GetParam();
    std::string const good = read_text_file(original);
    TempDir const dir;
    fs::path const path = dir / "mutant.tar";
    unsigned const seed = std::random_device{}();
    std::mt19937_64 random(seed);
    int num_refused = 0;
    constexpr int kNumMutants = 1500;
    for (int i = 0; i < kNumMutants; ++i) {
        std::string mutant = good;
        for (std::uint64_t k = 1 + random() % 4; k > 0; --k) {
            mutate(mutant, random);
        }
        if (random() % 2 == 0) {
            repair_checksums(mutant);
        }
        std::ofstream(path, std::ios::binary | std::ios::in | std::ios::out | std::ios::app).close();
        fs::resize_file(path, mutant.size());
        std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << mutant;
        try {
            verify_shard(path);
        } catch (Error const& error) {
            ++num_refused;
            EXPECT_EQ(error.code(), ExitCode::kBadInput)
                << "seed " << seed << ", mutant " << i << ": " << error.what();
        }
    }
    EXPECT_GT(num_refused, kNumMutants / 4);
}

INSTANTIATE_TEST_SUITE_P(Writers, TarMutation,
                         testing::Values("clean/shard-000000.tar", "webdataset/tarwriter.tar",
                                         "gnutar/long_names_gnu.tar", "gnutar/folder_posix.tar"));

}  // namespace
}  // namespace ctclip
